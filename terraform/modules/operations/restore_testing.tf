# A backup that was never restored is a hope. Once a week the newest of each kind is put back into a place of its own and thrown away again.
locals {
  restores = merge([for test in var.backup.restore_test[*] : {
    aurora = {
      type = "Aurora"
      arns = [test.aurora_cluster_arn]
      # Without these it would be restored into a default network, which our accounts do not have.
      overrides = {
        dbsubnetgroupname   = test.subnet_group_name
        vpcsecuritygroupids = jsonencode(test.security_group_ids)
      }
    }
    dynamodb = {
      type      = "DynamoDB"
      arns      = tolist(test.table_arns)
      overrides = { encryptiontype = "KMS", kmsmasterkeyarn = var.key_arns["data"] }
    }
  }]...)
}

resource "aws_backup_restore_testing_plan" "this" {
  count = var.backup.restore_test == null ? 0 : 1

  name                = "${replace(var.name, "-", "_")}_weekly" # no hyphens are allowed here
  schedule_expression = "cron(0 6 ? * SUN *)"
  start_window_hours  = 8

  recovery_point_selection {
    algorithm             = "LATEST_WITHIN_WINDOW"
    include_vaults        = [aws_backup_vault.this.arn]
    recovery_point_types  = ["SNAPSHOT", "CONTINUOUS"]
    selection_window_days = 7
  }
}

resource "aws_backup_restore_testing_selection" "this" {
  for_each = local.restores

  name                       = "${replace(var.name, "-", "_")}_${each.key}"
  restore_testing_plan_name  = aws_backup_restore_testing_plan.this[0].name
  iam_role_arn               = aws_iam_role.backup.arn
  protected_resource_type    = each.value.type
  protected_resource_arns    = each.value.arns
  restore_metadata_overrides = each.value.overrides
  # Time to run `payments verify` against what was restored.
  validation_window_hours = 4
}
