# The first look, of a region: what the outside sees, what the ledger says of itself, what it stands on. Figures for finding causes are on
# Grafana's dashboards (deploy/monitoring).
locals {
  graphs = [
    {
      title   = "Requests and errors"
      metrics = [["AWS/ApiGateway", "Count", "ApiId", var.watched.api_id, { stat = "Sum" }], [".", "5xx", ".", ".", { stat = "Sum", yAxis = "right" }]]
    },
    {
      title   = "Latency at the API Gateway, ms"
      metrics = [for stat in ["p50", "p99"] : ["AWS/ApiGateway", "Latency", "ApiId", var.watched.api_id, { stat = stat, label = stat }]]
    },
    {
      title = "Money, shards, travellers"
      metrics = [
        [local.ledger_namespace, "payments_audit_divergence", "ledger", "payments", { stat = "Maximum" }],
        [".", "payments_host_broken_shards", ".", ".", { stat = "Maximum" }],
        [".", "payments_shard_served", ".", ".", { stat = "Minimum" }],
        [".", "payments_shard_travelling_seconds", ".", ".", { stat = "Maximum", yAxis = "right" }],
      ]
    },
    {
      title = "How far behind the journal, s"
      metrics = [for figure in ["payments_projection_lag_seconds", "payments_bridge_lag_seconds", "payments_audit_lag_seconds", "payments_journal_mirror_lag_seconds"] :
      [local.ledger_namespace, figure, "ledger", "payments", { stat = "Maximum" }]]
    },
    {
      title = "Aurora: commits, ms, and the writer's processors, %"
      metrics = [
        ["AWS/RDS", "CommitLatency", "DBClusterIdentifier", var.watched.aurora_cluster_identifier, "Role", "WRITER", { stat = "Average" }],
        [".", "CPUUtilization", ".", ".", ".", ".", { stat = "Average", yAxis = "right" }],
      ]
    },
    {
      title   = "DynamoDB: writes"
      metrics = [for table in sort(var.watched.table_names) : ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", table, { stat = "Sum" }]]
    },
    {
      title = "Stream: written, and how late it is read, ms"
      metrics = [
        ["AWS/Kinesis", "IncomingRecords", "StreamName", var.watched.stream_name, { stat = "Sum" }],
        [".", "GetRecords.IteratorAgeMilliseconds", ".", ".", { stat = "Maximum", yAxis = "right" }],
      ]
    },
    {
      title   = "Dead letters"
      metrics = [for queue in sort(var.watched.dead_letter_queue_names) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { stat = "Maximum" }]]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm", x = 0, y = 0, width = 24, height = 4
        properties = { title = "Alarms", alarms = concat([for name in sort(keys(local.alarms)) : aws_cloudwatch_metric_alarm.this[name].arn], [aws_cloudwatch_composite_alarm.stop_deployment.arn]) }
      }],
      [for index, graph in local.graphs : {
        type       = "metric", x = 12 * (index % 2), y = 4 + 6 * floor(index / 2), width = 12, height = 6
        properties = { title = graph.title, region = local.region, period = 60, view = "timeSeries", metrics = graph.metrics }
      }],
    )
  })
}
