locals {
  backup_alarms = {
    payments-backup-failed = {
      severity = "warning", summary = "A backup, or its copy to the other region, has failed."
      metrics = {
        for id, metric in { backups = "NumberOfBackupJobsFailed", copies = "NumberOfCopyJobsFailed", restores = "NumberOfRestoreJobsFailed" } :
        id => { namespace = "AWS/Backup", metric = metric, dimensions = { BackupVaultName = aws_backup_vault.this.name }, stat = "Sum" }
      }
      expression = "SUM(METRICS())", period = 3600, periods = 1, threshold = 0
    }
  }
}
