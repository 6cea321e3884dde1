# Who has read or written which record. S3 writes these logs under its own key only, and into a bucket without a lock.
resource "aws_s3_bucket" "records_logs" {
  #checkov:skip=CKV_AWS_145:S3 delivers access logs only to buckets with its own key as their default.
  #checkov:skip=CKV_AWS_18:A log of who reads the log would be written into itself.
  #checkov:skip=CKV_AWS_144:Logs stay where what they tell of happened.
  #checkov:skip=CKV2_AWS_62:Nothing waits for access logs.
  for_each = local.records_keys

  region = each.key
  bucket = "payments-records-logs-${local.account_id}-${each.key}"
}

resource "aws_s3_bucket_versioning" "records_logs" {
  for_each = aws_s3_bucket.records_logs

  region = each.key
  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "records_logs" {
  for_each = aws_s3_bucket.records_logs

  region = each.key
  bucket = each.value.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "records_logs" {
  for_each = aws_s3_bucket.records_logs

  region                  = each.key
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "records_logs" {
  for_each = aws_s3_bucket.records_logs

  region = each.key
  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "records_logs" {
  for_each = aws_s3_bucket.records_logs

  region = each.key
  bucket = aws_s3_bucket.records_logs[each.key].id

  rule {
    id     = "old"
    status = "Enabled"

    filter {}

    expiration {
      days = 400
    }

    noncurrent_version_expiration {
      noncurrent_days = 7
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_policy" "records_logs" {
  for_each = aws_s3_bucket.records_logs

  region = each.key
  bucket = each.value.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Delivery"
        Effect    = "Allow"
        Principal = { Service = "logging.s3.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${each.value.arn}/*"
        Condition = {
          ArnLike      = { "aws:SourceArn" = aws_s3_bucket.records[each.key].arn }
          StringEquals = { "aws:SourceAccount" = local.account_id }
        }
      },
      {
        Sid       = "RefuseWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [each.value.arn, "${each.value.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.records_logs]
}

resource "aws_s3_bucket_logging" "records" {
  for_each = aws_s3_bucket.records

  region        = each.key
  bucket        = each.value.id
  target_bucket = aws_s3_bucket_policy.records_logs[each.key].bucket
  target_prefix = "access/"

  target_object_key_format {
    partitioned_prefix {
      partition_date_source = "EventTime"
    }
  }
}
