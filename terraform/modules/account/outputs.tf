output "role_arns" {
  description = "The roles for the pipeline, by job: plan, deploy."
  value       = { for job, role in aws_iam_role.pipeline : job => role.arn }
}

output "autoscaling_role_arn" {
  description = "The role that starts nodes, for the policy of the key that encrypts their disks."
  value       = aws_iam_service_linked_role.autoscaling.arn
}
