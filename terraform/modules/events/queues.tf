# Names, retention, visibility and receives are those of processor/aws/resources.py and its settings; a test holds them together.
locals {
  own_queues = {
    payments-events-dlq       = { retention_seconds = 14 * 24 * 3600, visibility_seconds = 30, dead_letters = null }
    payments-instructions-dlq = { retention_seconds = 14 * 24 * 3600, visibility_seconds = 30, dead_letters = null }
    payments-instructions     = { retention_seconds = 4 * 24 * 3600, visibility_seconds = 60, dead_letters = "payments-instructions-dlq" }
  }
  # Deliveries of one instruction that ended without a word, before it is put aside.
  instruction_receives = 10
}

locals {
  queue_arn_prefix = "arn:${local.partition}:sqs:${local.region}:${local.account_id}:"

  letters = [for name, of in local.own_queues : name if of.dead_letters == null]
}

resource "aws_sqs_queue" "dead_letters" {
  for_each = toset(local.letters)

  name                       = each.key
  message_retention_seconds  = local.own_queues[each.key].retention_seconds
  visibility_timeout_seconds = local.own_queues[each.key].visibility_seconds
  receive_wait_time_seconds  = 20
  kms_master_key_id          = var.key_arns["events"]
}

resource "aws_sqs_queue" "instructions" {
  name                       = "payments-instructions"
  message_retention_seconds  = local.own_queues["payments-instructions"].retention_seconds
  visibility_timeout_seconds = local.own_queues["payments-instructions"].visibility_seconds
  receive_wait_time_seconds  = 20
  kms_master_key_id          = var.key_arns["events"]

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters[local.own_queues["payments-instructions"].dead_letters].arn
    maxReceiveCount     = local.instruction_receives
  })
}

# Raw: consumers see the event itself, and its attributes as the message's own.
resource "aws_sqs_queue" "subscribers" {
  for_each = var.subscribers

  name                       = "payments-${each.key}"
  message_retention_seconds  = 4 * 24 * 3600
  visibility_timeout_seconds = 60
  receive_wait_time_seconds  = 20
  kms_master_key_id          = var.key_arns["events"]

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters["payments-events-dlq"].arn
    maxReceiveCount     = 5
  })
}

resource "aws_sns_topic_subscription" "subscribers" {
  for_each = aws_sqs_queue.subscribers

  topic_arn            = aws_sns_topic.notifications.arn
  protocol             = "sqs"
  endpoint             = each.value.arn
  raw_message_delivery = true
  filter_policy        = length(var.subscribers[each.key].types) == 0 ? null : jsonencode({ type = var.subscribers[each.key].types })

  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letters["payments-events-dlq"].arn })

  depends_on = [aws_sqs_queue_policy.this]
}

# Which queues may put what they give up into which other.
resource "aws_sqs_queue_redrive_allow_policy" "instructions" {
  queue_url = aws_sqs_queue.dead_letters["payments-instructions-dlq"].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.instructions.arn]
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "events" {
  queue_url = aws_sqs_queue.dead_letters["payments-events-dlq"].url
  # Lambda and SNS do not come as queues: they are let in by their roles and by the policy below.
  redrive_allow_policy = length(var.subscribers) == 0 ? jsonencode({ redrivePermission = "denyAll" }) : jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [for queue in aws_sqs_queue.subscribers : queue.arn]
  })
}

locals {
  queues = merge(
    aws_sqs_queue.dead_letters,
    { (aws_sqs_queue.instructions.name) = aws_sqs_queue.instructions },
    { for queue in aws_sqs_queue.subscribers : queue.name => queue },
  )

  subscriber_names = [for name in keys(var.subscribers) : "payments-${name}"]
}

resource "aws_sqs_queue_policy" "this" {
  for_each = toset(concat(keys(local.own_queues), local.subscriber_names))

  queue_url = local.queues[each.key].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "RefuseWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = "${local.queue_arn_prefix}${each.key}"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for statement in [{
        Sid       = "Topic"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "${local.queue_arn_prefix}${each.key}"
        Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.notifications.arn } }
      }] : statement if contains(concat(["payments-events-dlq"], local.subscriber_names), each.key)],
      [for statement in [{
        Sid       = "Senders"
        Effect    = "Allow"
        Principal = { AWS = var.instruction_senders }
        Action    = "sqs:SendMessage"
        Resource  = "${local.queue_arn_prefix}${each.key}"
      }] : statement if each.key == "payments-instructions" && length(var.instruction_senders) > 0],
    )
  })
}
