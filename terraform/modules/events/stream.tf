resource "aws_kinesis_stream" "events" {
  name             = "payments-events"
  shard_count      = var.stream.shards
  retention_period = var.stream.retention_hours
  encryption_type  = "KMS"
  kms_key_id       = var.key_arns["events"]

  stream_mode_details {
    stream_mode = var.stream.mode
  }
}
