output "organization_id" {
  description = "For the other environments' terraform.tfvars."
  value       = module.organization.organization_id
}

output "root_id" {
  description = "For the environment security's terraform.tfvars."
  value       = module.organization.root_id
}

output "account_ids" {
  description = "For the other environments' terraform.tfvars and backend.hcl."
  value       = module.organization.account_ids
}
