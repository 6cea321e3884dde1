output "security_group_id" {
  description = "Security group of the builds; the cluster's endpoint lets it in."
  value       = aws_security_group.this.id
}

output "project_name" {
  description = "Project that the pipeline starts."
  value       = aws_codebuild_project.this.name
}
