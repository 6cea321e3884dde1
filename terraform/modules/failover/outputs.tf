output "role_arn" {
  description = "The role with which people move the ledger to the other region."
  value       = aws_iam_role.this.arn
}
