locals {
  sources = "${path.module}/../../functions"

  # What the handlers in terraform/functions/ read from their environment, and the calls that they make.
  functions = {
    kinesis_consumer = {
      package = "${local.sources}/kinesis_consumer"
      # A batch of a hundred records of up to 256 KiB, each account of which is one write.
      timeout_seconds = 60
      memory_mb       = 512
      environment = {
        BALANCES_TABLE        = aws_dynamodb_table.balances.name
        DEAD_LETTER_QUEUE_URL = aws_sqs_queue.dead_letters["payments-events-dlq"].url
      }
      statements = [
        { Effect = "Allow", Action = "dynamodb:PutItem", Resource = aws_dynamodb_table.balances.arn },
        { Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.dead_letters["payments-events-dlq"].arn },
        {
          Effect   = "Allow"
          Action   = ["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
          Resource = aws_kinesis_stream.events.arn
        },
      ]
      through = ["kinesis", "sqs", "dynamodb"]
    }

    sns_notifier = {
      package         = "${local.sources}/sns_notifier"
      timeout_seconds = 30
      memory_mb       = 256
      environment = {
        PEOPLE_TOPIC_ARN        = aws_sns_topic.people.arn
        NOTIFY_AMOUNT_MINOR_MIN = tostring(var.people.amount_minor_min)
      }
      statements = [
        { Effect = "Allow", Action = "sns:Publish", Resource = aws_sns_topic.people.arn },
        { Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.dead_letters["payments-events-dlq"].arn },
      ]
      through = ["sns", "sqs"]
    }

    authorizer = {
      # It needs PyJWT for the processor of Lambda, which the source's folder does not have.
      package         = coalesce(var.authorizer.package, "${local.sources}/build/authorizer")
      timeout_seconds = 10
      memory_mb       = 512
      environment = {
        TOKEN_ISSUER   = var.authorizer.token_issuer
        TOKEN_CLIENTS  = join(",", var.authorizer.token_clients)
        API_KEYS_TABLE = "payments-api-keys"
      }
      statements = [{ Effect = "Allow", Action = "dynamodb:GetItem", Resource = local.api_keys_arn }]
      through    = ["dynamodb"]
    }
  }

  function_names = { for function in keys(local.functions) : function => "${var.name}-${replace(function, "_", "-")}" }
}

data "archive_file" "function" {
  for_each = local.functions

  type        = "zip"
  source_dir  = each.value.package
  output_path = "${path.root}/.terraform/functions/${each.key}.zip"
  excludes    = ["__pycache__", "requirements.txt"]
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.function_names

  name              = "/aws/lambda/${each.value}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arns["logs"]
}

resource "aws_iam_role" "function" {
  for_each = local.function_names

  name = "${each.value}-${local.region}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  #checkov:skip=CKV_AWS_290:Spans have no resource: X-Ray can be granted only as a whole.
  #checkov:skip=CKV_AWS_355:As above, spans have no resource to name.
  for_each = local.functions

  name = "work"
  role = aws_iam_role.function[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(each.value.statements, [
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.function[each.key].arn}:*"
      },
      {
        Effect   = "Allow"
        Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        Resource = "*"
      },
      {
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = [var.key_arns["events"], var.key_arns["data"]]
        Condition = { StringEquals = { "kms:ViaService" = [for service in concat(each.value.through, ["lambda"]) : "${service}.${local.region}.amazonaws.com"] } }
      },
    ])
  })
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_117:They speak to AWS and to the issuer of tokens alone, and nothing of ours listens for them in the VPC.
  #checkov:skip=CKV_AWS_116:What the notifier gives up goes to an on-failure destination, which tells more; the others are not called asynchronously.
  #checkov:skip=CKV_AWS_272:Packages are made in the pipeline, out of this repository, and only its role may change functions.
  for_each = local.functions

  function_name    = local.function_names[each.key]
  role             = aws_iam_role.function[each.key].arn
  runtime          = "python3.13"
  architectures    = ["arm64"]
  handler          = "handler.handler"
  filename         = data.archive_file.function[each.key].output_path
  source_code_hash = data.archive_file.function[each.key].output_base64sha256

  timeout                        = each.value.timeout_seconds
  memory_size                    = each.value.memory_mb
  reserved_concurrent_executions = var.concurrency[each.key]
  kms_key_arn                    = var.key_arns["events"]

  environment {
    variables = each.value.environment
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }

  tracing_config {
    mode = "Active"
  }

  depends_on = [aws_iam_role_policy.function]
}
