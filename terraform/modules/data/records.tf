# The buckets of the transaction records: the primary's own, and the copy in the second region, made from here because both are one thing.
# A standby makes none.
locals {
  records_keys = local.is_primary ? merge(
    { (local.region) = var.key_arns["records"] },
    var.second == null ? {} : { (var.second.region) = var.second.key_arns["records"] },
  ) : {}

  records_bucket     = "payments-records-${local.account_id}-${local.region}"
  records_bucket_arn = "arn:${local.partition}:s3:::${local.records_bucket}"
}

resource "aws_s3_bucket" "records" {
  for_each = local.records_keys

  region              = each.key
  bucket              = "payments-records-${local.account_id}-${each.key}"
  object_lock_enabled = true
}

resource "aws_s3_bucket_versioning" "records" {
  for_each = aws_s3_bucket.records

  region = each.key
  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

# The bridge never overwrites or removes anything; this makes sure of it against everybody else.
resource "aws_s3_bucket_object_lock_configuration" "records" {
  for_each = aws_s3_bucket_versioning.records

  region = each.key
  bucket = each.value.bucket

  rule {
    default_retention {
      mode = var.records.lock_mode
      days = var.records.lock_days
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "records" {
  for_each = aws_s3_bucket.records

  region = each.key
  bucket = each.value.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.records_keys[each.key]
    }
  }
}

resource "aws_s3_bucket_public_access_block" "records" {
  for_each = aws_s3_bucket.records

  region                  = each.key
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "records" {
  for_each = aws_s3_bucket.records

  region = each.key
  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "records" {
  for_each = aws_s3_bucket.records

  region = each.key
  bucket = aws_s3_bucket.records[each.key].id

  # Colder, but at hand within milliseconds: queries and `payments records verify` read everything there ever was.
  dynamic "rule" {
    for_each = toset(["entries", "events"])

    content {
      id     = "archive-${rule.value}"
      status = "Enabled"

      filter {
        prefix = "${rule.value}/"
      }

      transition {
        days          = var.records.archive_after_days
        storage_class = "GLACIER_IR"
      }
    }
  }

  rule {
    id     = "unfinished"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    # Versions become old only by a deletion that was a mistake; a lock outlasts this rule.
    noncurrent_version_expiration {
      noncurrent_days = 90
    }
  }
}

resource "aws_s3_bucket_policy" "records" {
  for_each = aws_s3_bucket.records

  region = each.key
  bucket = each.value.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RefuseWithoutTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [each.value.arn, "${each.value.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "RefuseOldTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [each.value.arn, "${each.value.arn}/*"]
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.records]
}

# New lists for Redshift are told to EventBridge (modules/analytics).
resource "aws_s3_bucket_notification" "records" {
  for_each = aws_s3_bucket.records

  region      = each.key
  bucket      = each.value.id
  eventbridge = true
}
