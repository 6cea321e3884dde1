locals {
  # By name, because the policy is part of what the name stands for.
  topic_arn = "arn:${local.partition}:sns:${local.region}:${local.account_id}:payments-notifications"
}

resource "aws_sns_topic" "notifications" {
  name              = "payments-notifications"
  kms_master_key_id = var.key_arns["events"]
  signature_version = 2
  tracing_config    = "Active"

  # Each delivery that failed, and one in twenty of the others.
  lambda_failure_feedback_role_arn    = aws_iam_role.deliveries.arn
  lambda_success_feedback_role_arn    = aws_iam_role.deliveries.arn
  lambda_success_feedback_sample_rate = 5
  sqs_failure_feedback_role_arn       = aws_iam_role.deliveries.arn
  sqs_success_feedback_role_arn       = aws_iam_role.deliveries.arn
  sqs_success_feedback_sample_rate    = 5

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "RefuseWithoutTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sns:Publish"
      Resource  = local.topic_arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

# What people read. They confirm by a link in a mail; that no program can do for them.
resource "aws_sns_topic" "people" {
  name              = "${var.name}-people"
  display_name      = "Payments"
  kms_master_key_id = var.key_arns["events"]
  signature_version = 2
}

resource "aws_sns_topic_subscription" "people" {
  for_each = toset(var.people.addresses)

  topic_arn = aws_sns_topic.people.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_log_group" "deliveries" {
  for_each = toset(["", "/Failure"])

  name              = "sns/${local.region}/${local.account_id}/payments-notifications${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arns["logs"]
}

resource "aws_iam_role" "deliveries" {
  name = "${var.name}-sns-deliveries-${local.region}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "deliveries" {
  name = "write"
  role = aws_iam_role.deliveries.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = flatten([for group in aws_cloudwatch_log_group.deliveries : [group.arn, "${group.arn}:*"]])
    }]
  })
}
