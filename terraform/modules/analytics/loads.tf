# Each flush of the bridge writes a list for Redshift; S3 tells EventBridge, and that starts the load of this list: load_entries.sql or
# load_events.sql, whose statements the Data API runs as one transaction. A load that is told twice changes nothing, and the order does not matter.
#
# Not a COPY job of Redshift's own, which loads whatever lies under a prefix: files that no list names must not be loaded.
locals {
  load_texts = {
    for table in ["entries", "events"] : table => replace(replace(replace(
      file("${local.analytics}/redshift/load_${table}.sql"), "/(?m)^--.*$/", ""), "$${bucket}", var.records_bucket.name), "$${role}", aws_iam_role.copy.arn
    )
  }

  # A batch of the Data API is a transaction already.
  load_statements = {
    for table, text in local.load_texts : table => [
      for statement in split(";", text) : trimspace(statement)
      if !contains(["", "BEGIN", "COMMIT"], trimspace(statement))
    ]
  }

  key_pattern = "/^redshift\\/(entries|events)\\/([0-9]{12})\\.manifest$/"
}

resource "aws_sfn_state_machine" "load" {
  name     = "${var.name}-redshift-load"
  role_arn = aws_iam_role.load.arn
  definition = jsonencode({
    Comment       = "Loads one list of transaction records into Redshift"
    QueryLanguage = "JSONata"
    StartAt       = "Read the key"
    # Whatever hangs is given up, and seen.
    TimeoutSeconds = 3600
    States = merge(
      {
        "Read the key" = {
          Type = "Pass"
          Assign = {
            # A key of another form fails here: nothing else gets into a statement.
            table   = "{% $match($states.input.key, ${local.key_pattern}).groups[0] %}"
            number  = "{% $match($states.input.key, ${local.key_pattern}).groups[1] %}"
            attempt = 1
          }
          Next = "Which table"
        }
        "Which table" = {
          Type    = "Choice"
          Choices = [for table in keys(local.load_statements) : { Condition = "{% $table = '${table}' %}", Next = "Load ${table}" }]
          Default = "Failed"
        }
      },
      {
        for table, statements in local.load_statements : "Load ${table}" => {
          Type     = "Task"
          Resource = "arn:${local.partition}:states:::aws-sdk:redshiftdata:batchExecuteStatement"
          Arguments = {
            WorkgroupName = aws_redshiftserverless_workgroup.records.workgroup_name
            Database      = aws_redshiftserverless_namespace.records.db_name
            StatementName = "{% 'load ' & $table & ' ' & $number %}"
            Sqls          = [for statement in statements : "{% $replace(${jsonencode(statement)}, '$${number}', $number) %}"]
          }
          Assign = { id = "{% $states.result.Id %}" }
          Retry  = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 10, BackoffRate = 2, MaxAttempts = 6, MaxDelaySeconds = 300, JitterStrategy = "FULL" }]
          Next   = "Wait"
        }
      },
      {
        "Wait" = { Type = "Wait", Seconds = 5, Next = "Look" }
        "Look" = {
          Type      = "Task"
          Resource  = "arn:${local.partition}:states:::aws-sdk:redshiftdata:describeStatement"
          Arguments = { Id = "{% $id %}" }
          Assign    = { status = "{% $states.result.Status %}" }
          Retry     = [{ ErrorEquals = ["States.ALL"], IntervalSeconds = 5, BackoffRate = 2, MaxAttempts = 5 }]
          Next      = "Is it done"
        }
        "Is it done" = {
          Type = "Choice"
          Choices = [
            { Condition = "{% $status = 'FINISHED' %}", Next = "Loaded" },
            # Two loads of one table at once: one of them is refused, and tries again.
            { Condition = "{% $status in ['FAILED', 'ABORTED'] and $attempt < 5 %}", Next = "Step back" },
            { Condition = "{% $status in ['FAILED', 'ABORTED'] %}", Next = "Failed" },
          ]
          Default = "Wait"
        }
        "Step back" = {
          Type    = "Wait"
          Seconds = "{% $attempt * 20 %}"
          Assign  = { attempt = "{% $attempt + 1 %}" }
          Next    = "Which table"
        }
        "Loaded" = { Type = "Succeed" }
        "Failed" = { Type = "Fail", Error = "NotLoaded", Cause = "The Data API's history tells why; start the load again with the same key when it is mended." }
      },
    )
  })

  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.load.arn}:*"
    include_execution_data = true
    level                  = "ERROR"
  }

  tracing_configuration {
    enabled = true
  }

  depends_on = [aws_iam_role_policy.load]
}

resource "aws_cloudwatch_log_group" "load" {
  name              = "/aws/vendedlogs/states/${var.name}-redshift-load"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arns["logs"]
}

resource "aws_iam_role" "load" {
  name = "${var.name}-redshift-load-${local.region}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })

  # Redshift gives the database's role of this name to whoever comes as this one: deploy/analytics/redshift/roles.sql.
  tags = { RedshiftDbRoles = "payments_loader" }
}

resource "aws_iam_role_policy" "load" {
  #checkov:skip=CKV_AWS_290:DescribeStatement, deliveries of logs, and spans have no resource to name.
  #checkov:skip=CKV_AWS_355:As above, these three have no resource to name.
  #checkov:skip=CKV_AWS_287:GetCredentials is a login to one database, as a role that may load and nothing else.
  name = "load"
  role = aws_iam_role.load.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["redshift-data:BatchExecuteStatement", "redshift-serverless:GetCredentials"]
        Resource = aws_redshiftserverless_workgroup.records.arn
      },
      {
        Effect = "Allow"
        Action = [
          "redshift-data:DescribeStatement",
          "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
          "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
          "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
        ]
        Resource = "*"
      },
    ]
  })
}
