locals {
  key_arns = merge(
    { for domain, key in aws_kms_key.this : domain => key.arn },
    { for domain, alias in data.aws_kms_alias.copied : domain => alias.target_key_arn },
  )
}

output "key_arns" {
  description = "The key of each domain in this region."
  value       = local.key_arns
}

output "replica_key_arns" {
  description = "The copies of keys in the second region."
  value       = { for domain, key in aws_kms_replica_key.this : domain => key.arn }
}
