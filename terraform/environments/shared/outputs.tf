output "pipeline" {
  description = "For `pipeline` in the terraform.tfvars of staging, production and production-standby: by region."
  value = {
    for region, key_arn in module.delivery.artifact_key_arns : region => {
      account_id          = var.account_id
      artifact_bucket_arn = module.delivery.artifact_bucket_arns[region]
      artifact_key_arn    = key_arn
    }
  }
}

output "repository_urls" {
  description = "Where images are, by region."
  value       = module.delivery.repository_urls
}

output "connection_arn" {
  description = "The connection to the repository: somebody confirms it once, in the console."
  value       = module.delivery.connection_arn
}
