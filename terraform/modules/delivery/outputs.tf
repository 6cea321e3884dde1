output "repository_urls" {
  description = "Where images are, by region: `image` in the overlays' terraform.env begins with it."
  value       = { for region, repository in aws_ecr_repository.payments : region => repository.repository_url }
}

output "artifact_key_arns" {
  description = "Key of the pipeline's artifacts, by region: an input of module rollout in the clusters' accounts."
  value       = local.key_arns
}

output "artifact_bucket_arns" {
  description = "Buckets of the pipeline's artifacts, by region: an input of module rollout."
  value       = { for region, bucket in aws_s3_bucket.artifacts : region => bucket.arn }
}

output "pipeline_names" {
  description = "The pipelines for the application and for the landscape."
  value       = { application = aws_codepipeline.application.name, landscape = aws_codepipeline.landscape.name }
}

output "connection_arn" {
  description = "The connection to the repository that somebody must confirm once."
  value       = aws_codeconnections_connection.this.arn
}
