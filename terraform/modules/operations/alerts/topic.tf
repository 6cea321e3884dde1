data "aws_caller_identity" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  # Services that tell this topic something: alarms, budgets, AWS Backup. Roles of this account may too, if their own policies say so:
  # Prometheus's alert manager, and the pipeline that asks for an approval.
  speakers = [for service in ["cloudwatch", "budgets", "backup"] : "${service}.amazonaws.com"]
  # EventBridge does not say for which account it speaks, neither to an encrypted topic nor to its key: a condition on that would keep it out.
  # So it is let in only where a rule has this topic as its target.
  rules = var.hears_rules ? ["events.amazonaws.com"] : []
}

resource "aws_sns_topic" "this" {
  region = var.region

  name              = var.name
  kms_master_key_id = aws_kms_key.this.arn
}

resource "aws_sns_topic_policy" "this" {
  region = var.region

  arn = aws_sns_topic.this.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "Alerts"
          Effect    = "Allow"
          Principal = { Service = local.speakers }
          Action    = "sns:Publish"
          Resource  = aws_sns_topic.this.arn
          Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
        },
        {
          Sid       = "NothingUnencrypted"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sns:Publish"
          Resource  = aws_sns_topic.this.arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ],
      [for service in local.rules : {
        Sid       = "Rules"
        Effect    = "Allow"
        Principal = { Service = service }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.this.arn
      }],
    )
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.subscribers.emails

  region = var.region

  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_sns_topic_subscription" "pager" {
  count = var.subscribers.pager == null ? 0 : 1

  region = var.region

  topic_arn = aws_sns_topic.this.arn
  protocol  = "https"
  endpoint  = var.subscribers.pager
  # Alarms are JSON; their descriptions begin with their severity. Nobody is called at night for a warning or a budget.
  filter_policy_scope = "MessageBody"
  filter_policy       = jsonencode({ AlarmDescription = [{ prefix = "critical:" }] })
}
