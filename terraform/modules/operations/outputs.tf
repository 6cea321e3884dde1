output "alerts_topic_arn" {
  description = "Topic that tells people of alarms in this region."
  value       = module.alerts.topic_arn
}

output "alarm_names" {
  description = "Alarms of this region, without the edge's."
  value       = sort(concat(keys(aws_cloudwatch_metric_alarm.this), keys(aws_cloudwatch_composite_alarm.this)))
}

output "stop_alarm_name" {
  description = "The alarm at which a deployment stops and rolls back."
  value       = aws_cloudwatch_composite_alarm.stop_deployment.alarm_name
}

output "backup_vault_arn" {
  description = "Where backups are kept; the other region copies to it."
  value       = aws_backup_vault.this.arn
}
