resource "aws_backup_vault" "this" {
  name        = var.name
  kms_key_arn = var.key_arns["data"]
}

# Nobody deletes a backup before its time, nor keeps one for ever. With `changeable_for_days` the lock itself cannot be lifted after that.
resource "aws_backup_vault_lock_configuration" "this" {
  backup_vault_name   = aws_backup_vault.this.name
  min_retention_days  = min(7, var.backup.short_days)
  max_retention_days  = var.backup.long_days
  changeable_for_days = var.backup.lock_changeable_days
}

resource "aws_backup_vault_policy" "this" {
  backup_vault_name = aws_backup_vault.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "NobodyTakesBackupsAway"
      Effect    = "Deny"
      Principal = "*"
      Action    = ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"]
      Resource  = "*"
    }]
  })
}

resource "aws_backup_vault_notifications" "this" {
  backup_vault_name   = aws_backup_vault.this.name
  sns_topic_arn       = module.alerts.topic_arn
  backup_vault_events = ["BACKUP_JOB_FAILED", "COPY_JOB_FAILED", "RESTORE_JOB_COMPLETED", "S3_BACKUP_OBJECT_FAILED", "S3_RESTORE_OBJECT_FAILED"]
}

# Without this AWS Backup leaves DynamoDB's backups to DynamoDB, which copies none to other regions, nor takes our vault's key.
resource "aws_backup_region_settings" "this" {
  resource_type_opt_in_preference = {
    for type in [
      "Aurora", "DynamoDB", "EBS", "EC2", "EFS", "FSx", "RDS", "S3", "Storage Gateway", "VirtualMachine", "DocumentDB", "Neptune", "Redshift",
      "CloudFormation", "SAP HANA on Amazon EC2", "Timestream",
    ] : type => contains(["Aurora", "DynamoDB", "S3"], type)
  }
  resource_type_management_preference = { DynamoDB = true, EFS = true }
}
