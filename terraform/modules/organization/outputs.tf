output "organization_id" {
  description = "For the environments' `organization_id`."
  value       = aws_organizations_organization.this.id
}

output "root_id" {
  description = "For the environment security's `root_id`: Security Hub's configuration holds for all that is under it."
  value       = local.root_id
}

output "account_ids" {
  description = "For the environments' `account_id`, by account."
  value       = { for name, account in aws_organizations_account.this : name => account.id }
}
