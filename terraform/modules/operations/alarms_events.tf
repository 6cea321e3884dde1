locals {
  # Metric ids begin with a lower-case letter and have no hyphens.
  of_tables = { for index, table in sort(var.watched.table_names) : index => table }
  of_names  = { for index, function in sort(var.watched.function_names) : index => function }

  events_alarms = {
    payments-dead-letters = {
      severity = "warning", summary = "Somebody has given up on an event or an instruction."
      metrics = merge(
        {
          for index, queue in sort(var.watched.dead_letter_queue_names) : "queue${index}" => {
            namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = queue }, stat = "Maximum"
          }
        },
        # Those that bridges keep in the database: webhooks.
        { bridges = { namespace = local.ledger_namespace, metric = "payments_bridge_dead_letters", dimensions = local.ledger_dimensions, stat = "Maximum" } },
      )
      expression = "SUM(METRICS())", period = 300, periods = 1, threshold = 0
    }
    payments-instructions-waiting = {
      severity = "warning", summary = "Payment instructions wait in their queue for over five minutes.", runbook = "PaymentsBridgeLagging"
      metrics = { for index, queue in sort(var.watched.queue_names) : "queue${index}" => {
        namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = queue }, stat = "Maximum"
      } }
      expression = "MAX(METRICS())", period = 60, periods = 5, threshold = 300
    }
    payments-consumers-lagging = {
      severity = "warning", summary = "A function reads the stream over five minutes late."
      metrics = {
        function = { namespace = "AWS/Lambda", metric = "IteratorAge", dimensions = { FunctionName = var.watched.stream_function_name }, stat = "Maximum" }
        stream   = { namespace = "AWS/Kinesis", metric = "GetRecords.IteratorAgeMilliseconds", dimensions = { StreamName = var.watched.stream_name }, stat = "Maximum" }
      }
      expression = "MAX(METRICS())", period = 60, periods = 5, threshold = 300000
    }
    payments-consumers-failing = {
      severity = "warning", summary = "Functions fail or are throttled.", runbook = "PaymentsConsumersLagging"
      metrics = merge([
        for metric in ["Errors", "Throttles"] : {
          for index, function in local.of_names :
          "${lower(metric)}${index}" => { namespace = "AWS/Lambda", metric = metric, dimensions = { FunctionName = function }, stat = "Sum" }
        }
      ]...)
      expression = "SUM(METRICS())", period = 60, periods = 5, fired = 3, threshold = 0
    }
    payments-aws-throttles = {
      severity = "warning", summary = "DynamoDB or Kinesis refuses what is more than was ordered."
      metrics = merge(
        { stream = { namespace = "AWS/Kinesis", metric = "WriteProvisionedThroughputExceeded", dimensions = { StreamName = var.watched.stream_name }, stat = "Sum" } },
        merge([
          for metric, id in { ReadThrottleEvents = "reads", WriteThrottleEvents = "writes" } : {
            for index, table in local.of_tables :
            "${id}${index}" => { namespace = "AWS/DynamoDB", metric = metric, dimensions = { TableName = table }, stat = "Sum" }
          }
        ]...),
      )
      expression = "SUM(METRICS())", period = 60, periods = 5, threshold = 0
    }
  }

  # DynamoDB measures its lag where it is written, Aurora where it is read. Under which dimension Aurora does, AWS's own texts disagree (the cluster,
  # or the source's region): the query takes the metric under any, and a region has one global database.
  standby_alarms = {
    for name, alarm in {
      payments-standby-lagging = {
        severity = "critical", summary = "The standby region is over a minute behind."
        metrics = {
          for index, table in local.of_tables : "table${index}" => {
            namespace  = "AWS/DynamoDB", metric = "ReplicationLatency", stat = "Maximum"
            dimensions = { TableName = table, ReceivingRegion = var.standby_region }
          } if var.role == "primary"
        }
        expression = var.role == "standby" ? "SELECT MAX(AuroraGlobalDBReplicationLag) FROM \"AWS/RDS\"" : "MAX(METRICS())"
        period     = 60, periods = 5, threshold = 60000
        # In the standby region silence means that nothing is replicated.
        missing = var.role == "standby" ? "breaching" : "notBreaching"
      }
    } : name => alarm if var.role == "standby" || var.standby_region != ""
  }
}
