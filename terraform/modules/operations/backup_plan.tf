locals {
  # A standby only keeps the copies that the primary sends.
  backs_up = var.role == "primary" ? 1 : 0

  backup_rules = {
    # Aurora and S3 can be put back to any second of these days; DynamoDB, which has its own recovery to any second, to a day.
    daily   = { schedule = "cron(0 2 * * ? *)", days = var.backup.short_days, continuous = true }
    monthly = { schedule = "cron(0 4 1 * ? *)", days = var.backup.long_days, continuous = false }
  }
}

resource "aws_backup_plan" "this" {
  count = local.backs_up

  name = var.name

  dynamic "rule" {
    for_each = local.backup_rules

    content {
      rule_name                = rule.key
      target_vault_name        = aws_backup_vault.this.name
      schedule                 = rule.value.schedule
      start_window             = 60
      completion_window        = 720
      enable_continuous_backup = rule.value.continuous

      lifecycle {
        delete_after = rule.value.days
      }

      dynamic "copy_action" {
        for_each = var.backup.copy_vault_arn == null ? [] : [var.backup.copy_vault_arn]

        content {
          destination_vault_arn = copy_action.value

          lifecycle {
            delete_after = rule.value.days
          }
        }
      }
    }
  }
}

resource "aws_backup_selection" "this" {
  count = local.backs_up

  name         = "${var.name}-ledger"
  plan_id      = aws_backup_plan.this[0].id
  iam_role_arn = aws_iam_role.backup.arn
  resources    = setunion(var.backup.resource_arns, var.backup.bucket_arns)
}
