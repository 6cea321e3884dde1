output "workgroup" {
  description = "Athena's workgroup."
  value       = aws_athena_workgroup.records.name
}

output "database" {
  description = "The catalogue's database of transaction records."
  value       = aws_glue_catalog_database.records.name
}

output "redshift" {
  description = "Names of Redshift's namespace and workgroup."
  value       = { namespace = aws_redshiftserverless_namespace.records.namespace_name, workgroup = aws_redshiftserverless_workgroup.records.workgroup_name }
}

output "load_state_machine_arn" {
  description = "What loads a list: its failures are worth an alarm, and it is started again by hand with the key of a list."
  value       = aws_sfn_state_machine.load.arn
}

output "lists_dead_letter_queue" {
  description = "Lists whose load could not be started."
  value       = { name = aws_sqs_queue.lists.name, arn = aws_sqs_queue.lists.arn }
}

output "reader_policy" {
  description = "What people need to ask Athena about the records, and no more."
  value       = local.reader_policy
}

output "dashboard_id" {
  description = "The dashboard in QuickSight; null without an owner."
  value       = one(aws_quicksight_dashboard.records[*].dashboard_id)
}
