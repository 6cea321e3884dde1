output "stream" {
  description = "The stream of all events."
  value       = { name = aws_kinesis_stream.events.name, arn = aws_kinesis_stream.events.arn }
}

output "topic_arn" {
  description = "The topic of notifications."
  value       = aws_sns_topic.notifications.arn
}

output "people_topic_arn" {
  description = "The topic that people subscribe to."
  value       = aws_sns_topic.people.arn
}

output "queues" {
  description = "All queues by name: ARN and URL."
  value       = { for name, queue in local.queues : name => { arn = queue.arn, url = queue.url } }
}

output "function_names" {
  description = "Functions: kinesis_consumer, sns_notifier, authorizer."
  value       = { for function, made in aws_lambda_function.this : function => made.function_name }
}

output "function_arns" {
  description = "ARNs of the functions."
  value       = { for function, made in aws_lambda_function.this : function => made.arn }
}

output "authorizer_invoke_arn" {
  description = "What API Gateway calls."
  value       = aws_lambda_function.this["authorizer"].invoke_arn
}

output "table_names" {
  description = "Tables that the functions keep."
  value       = { balances = aws_dynamodb_table.balances.name, api_keys = "payments-api-keys" }
}

output "workload_policies" {
  description = "Policies of this module for each service account."
  value = {
    for account, statements in local.workload_statements :
    account => jsonencode({ Version = "2012-10-17", Statement = statements })
  }
}
