resource "aws_cloudwatch_event_rule" "list" {
  name        = "${var.name}-redshift-list"
  description = "A new list of transaction records for Redshift"
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.records_bucket.name] }
      object = { key = [{ wildcard = "redshift/*/*.manifest" }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "list" {
  rule     = aws_cloudwatch_event_rule.list.name
  arn      = aws_sfn_state_machine.load.arn
  role_arn = aws_iam_role.start.arn

  input_transformer {
    input_paths    = { key = "$.detail.object.key" }
    input_template = "{\"key\": <key>}"
  }

  retry_policy {
    maximum_event_age_in_seconds = 24 * 3600
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.lists.arn
  }
}

# Lists whose load could not even be started. Encrypted with a key of SQS: under one of ours, its policy would have to let EventBridge in for
# whatever account, as EventBridge is not documented to say for which one it writes. Messages are names of files, and nothing about payments.
resource "aws_sqs_queue" "lists" {
  name                      = "${var.name}-redshift-lists-dlq"
  message_retention_seconds = 14 * 24 * 3600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "lists" {
  queue_url = aws_sqs_queue.lists.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.lists.arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.list.arn } }
      },
      {
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.lists.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_iam_role" "start" {
  name = "${var.name}-redshift-start-${local.region}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "start" {
  name = "start"
  role = aws_iam_role.start.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "states:StartExecution", Resource = aws_sfn_state_machine.load.arn }]
  })
}
