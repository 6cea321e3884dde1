# What must hold of the stream, the topic, the queues, the functions, and of what pods may do with them.
mock_provider "archive" {}

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }

  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:mock" }
  }

  mock_resource "aws_kinesis_stream" {
    defaults = { arn = "arn:aws:kinesis:eu-central-1:123456789012:stream/payments-events" }
  }
}

variables {
  name                = "payments-production"
  role                = "primary"
  second              = { region = "eu-west-1", key_arns = { data = "key-data-2" } }
  key_arns            = { events = "key-events", data = "key-data", logs = "key-logs" }
  stream              = { mode = "PROVISIONED", shards = 8 }
  subscribers         = { fraud = { types = ["payment.succeeded"] }, everything = {} }
  instruction_senders = ["arn:aws:iam::210987654321:role/payroll"]
  authorizer          = { token_issuer = "https://issuer.example", token_clients = ["one", "two"] }
}

run "encrypted" {
  assert {
    condition = alltrue(concat(
      [aws_kinesis_stream.events.encryption_type == "KMS", aws_kinesis_stream.events.kms_key_id == "key-events"],
      [for topic in [aws_sns_topic.notifications, aws_sns_topic.people] : topic.kms_master_key_id == "key-events"],
      [for queue in local.queues : queue.kms_master_key_id == "key-events"],
      [for group in aws_cloudwatch_log_group.function : group.kms_key_id == "key-logs" && group.retention_in_days == 365],
    ))
    error_message = "Events are encrypted with our key wherever they are, and so is what is logged about them."
  }
}

run "queues" {
  assert {
    condition = (
      jsondecode(aws_sqs_queue.instructions.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead_letters["payments-instructions-dlq"].arn
      && jsondecode(aws_sqs_queue_redrive_allow_policy.instructions.redrive_allow_policy).sourceQueueArns == [aws_sqs_queue.instructions.arn]
      && length(jsondecode(aws_sqs_queue_redrive_allow_policy.events.redrive_allow_policy).sourceQueueArns) == 2
    )
    error_message = "Instructions and subscribers have their dead-letter queues, which let in nobody else."
  }

  assert {
    condition = alltrue([
      for policy in aws_sqs_queue_policy.this :
      anytrue([for statement in jsondecode(policy.policy).Statement : statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"])
      && alltrue([for statement in jsondecode(policy.policy).Statement : statement.Effect == "Deny" || statement.Principal != "*"])
    ])
    error_message = "Every queue refuses connections without TLS, and is open to nobody in general."
  }

  assert {
    condition = (
      [for statement in jsondecode(aws_sqs_queue_policy.this["payments-instructions"].policy).Statement : statement.Principal if statement.Effect == "Allow"]
      == [{ AWS = ["arn:aws:iam::210987654321:role/payroll"] }]
    )
    error_message = "Instructions move money: only those who are named send them, and the topic does not."
  }

  assert {
    condition     = jsondecode(aws_sns_topic_subscription.subscribers["fraud"].filter_policy) == { type = ["payment.succeeded"] } && aws_sns_topic_subscription.subscribers["everything"].filter_policy == null
    error_message = "A subscriber gets the types that it names, or all."
  }
}

run "nothing_is_dropped" {
  assert {
    condition = (
      toset(aws_lambda_event_source_mapping.kinesis_consumer.function_response_types) == toset(["ReportBatchItemFailures"])
      && aws_lambda_event_source_mapping.kinesis_consumer.bisect_batch_on_function_error
      && aws_lambda_event_source_mapping.kinesis_consumer.destination_config[0].on_failure[0].destination_arn == aws_sqs_queue.dead_letters["payments-events-dlq"].arn
    )
    error_message = "A batch that fails is tried again from where it failed, halved, and told to the dead-letter queue in the end."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.kinesis_consumer.maximum_record_age_in_seconds < aws_kinesis_stream.events.retention_period * 3600
    error_message = "Lambda gives up, and says so, before the stream forgets."
  }

  assert {
    condition = alltrue([
      for subscription in concat([aws_sns_topic_subscription.sns_notifier], values(aws_sns_topic_subscription.subscribers)) :
      jsondecode(subscription.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead_letters["payments-events-dlq"].arn
    ])
    error_message = "What the topic cannot deliver goes to the dead-letter queue."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.sns_notifier.destination_config[0].on_failure[0].destination == aws_sqs_queue.dead_letters["payments-events-dlq"].arn
    error_message = "What the notifier fails at goes to the dead-letter queue."
  }
}

run "functions" {
  assert {
    condition     = keys(aws_lambda_function.this) == ["authorizer", "kinesis_consumer", "sns_notifier"]
    error_message = "The functions are those of terraform/functions."
  }

  assert {
    condition = alltrue([
      for function in aws_lambda_function.this :
      contains(function.architectures, "arm64") && function.reserved_concurrent_executions > 0 && function.tracing_config[0].mode == "Active" && function.kms_key_arn == "key-events"
    ])
    error_message = "Functions run on arm64, have copies reserved, are traced, and hide their variables."
  }

  # "*" stands for spans alone.
  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.function : [
        for statement in jsondecode(policy.policy).Statement :
        statement.Resource != "*" || alltrue([for action in flatten([statement.Action]) : startswith(action, "xray:")])
      ]
    ]))
    error_message = "Functions may use what they are made for, and nothing else."
  }

  assert {
    condition     = one(aws_dynamodb_table.api_keys[0].replica).region_name == "eu-west-1"
    error_message = "API keys count in both regions."
  }
}

run "policies" {
  assert {
    condition     = keys(output.workload_policies) == ["payments-api", "payments-upkeep"]
    error_message = "Shard hosts publish nothing: events come from the journal, by bridges."
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.workload_policies : [
        for statement in jsondecode(policy).Statement : [for name in flatten([statement.Action, statement.Resource]) : !strcontains(name, "*")]
      ]
    ]))
    error_message = "Calls and resources are named, not all of a kind."
  }
}

run "a_standby_takes_the_table_of_keys_over" {
  command = plan

  variables {
    role   = "standby"
    second = null
  }

  assert {
    condition     = length(aws_dynamodb_table.api_keys) == 0
    error_message = "The table of API keys is the primary's."
  }
}

run "shards_are_counted" {
  command = plan

  variables {
    stream = { mode = "PROVISIONED" }
  }

  expect_failures = [var.stream]
}

run "instructions_of_everybody_are_refused" {
  command = plan

  variables {
    instruction_senders = ["*"]
  }

  expect_failures = [var.instruction_senders]
}
