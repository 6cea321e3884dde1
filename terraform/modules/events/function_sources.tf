resource "aws_lambda_event_source_mapping" "kinesis_consumer" {
  event_source_arn = aws_kinesis_stream.events.arn
  function_name    = aws_lambda_function.this["kinesis_consumer"].arn

  # The first time from the oldest event on: the table is complete only then.
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  # Several batches of a shard at once do no harm: an account's item is replaced by later events only.
  parallelization_factor = 2

  # The function puts aside what cannot be read. What it reports is AWS failing, and a batch that makes it die is halved until it is alone:
  # both are tried for half a day, which the stream outlasts, and then told to the dead-letter queue.
  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = -1
  maximum_record_age_in_seconds  = 12 * 3600

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.dead_letters["payments-events-dlq"].arn
    }
  }

  metrics_config {
    metrics = ["EventCount"]
  }
}

resource "aws_sns_topic_subscription" "sns_notifier" {
  topic_arn     = aws_sns_topic.notifications.arn
  protocol      = "lambda"
  endpoint      = aws_lambda_function.this["sns_notifier"].arn
  filter_policy = jsonencode({ type = var.people.types })

  # What never reached the function; what it has failed at goes the other way.
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters["payments-events-dlq"].arn })

  depends_on = [aws_lambda_permission.sns_notifier, aws_sqs_queue_policy.this]
}

resource "aws_lambda_permission" "sns_notifier" {
  statement_id   = "topic"
  function_name  = aws_lambda_function.this["sns_notifier"].function_name
  action         = "lambda:InvokeFunction"
  principal      = "sns.amazonaws.com"
  source_arn     = aws_sns_topic.notifications.arn
  source_account = local.account_id
}

resource "aws_lambda_function_event_invoke_config" "sns_notifier" {
  function_name                = aws_lambda_function.this["sns_notifier"].function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 6 * 3600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.dead_letters["payments-events-dlq"].arn
    }
  }
}
