# What each kind of pod may do with what is in this module: the calls that the program makes, and no others.
locals {
  look = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
  take = ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"]

  subscriber_arns = [for queue in aws_sqs_queue.subscribers : queue.arn]

  events_key = {
    for account, services in { payments-api = ["sns", "sqs"], payments-upkeep = ["kinesis", "sns", "sqs"] } : account => {
      Sid                                   = "EventsKey"
      Effect                                = "Allow"
      Action                                = ["kms:GenerateDataKey", "kms:Decrypt"]
      Resource                              = var.key_arns["events"]
      Condition                             = { StringEquals = { "kms:ViaService" = [for service in services : "${service}.${local.region}.amazonaws.com"] } }
    }
  }

  workload_statements = {
    # The API shows dead letters, and sends them back to where they came from.
    payments-api = [
      {
        Sid      = "DeadLetters"
        Effect   = "Allow"
        Action   = concat(local.look, local.take)
        Resource = [for queue in aws_sqs_queue.dead_letters : queue.arn]
      },
      {
        Sid      = "BackToQueues"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
        Resource = concat([aws_sqs_queue.instructions.arn], local.subscriber_arns)
      },
      {
        Sid      = "BackToTopic"
        Effect   = "Allow"
        Action   = ["sns:GetTopicAttributes", "sns:Publish"]
        Resource = aws_sns_topic.notifications.arn
      },
      local.events_key["payments-api"],
    ]

    # The bridges carry events out, and payments in.
    payments-upkeep = [
      {
        Sid      = "Stream"
        Effect   = "Allow"
        Action   = ["kinesis:DescribeStreamSummary", "kinesis:PutRecords"]
        Resource = aws_kinesis_stream.events.arn
      },
      {
        Sid      = "Topic"
        Effect   = "Allow"
        Action   = ["sns:GetTopicAttributes", "sns:Publish"]
        Resource = aws_sns_topic.notifications.arn
      },
      {
        Sid      = "Instructions"
        Effect   = "Allow"
        Action   = concat(["sqs:GetQueueUrl"], local.take)
        Resource = aws_sqs_queue.instructions.arn
      },
      {
        Sid      = "BadInstructions"
        Effect   = "Allow"
        Action   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
        Resource = aws_sqs_queue.dead_letters["payments-instructions-dlq"].arn
      },
      local.events_key["payments-upkeep"],
    ]
  }
}
