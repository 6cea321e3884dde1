# Both ways, so that what the second region has written while it was in charge is here when the first comes back. S3 does not send on what it
# has received, so nothing goes round in circles; deletions are not followed.
locals {
  others = var.second == null || !local.is_primary ? {} : {
    (local.region)      = var.second.region
    (var.second.region) = local.region
  }
}

resource "aws_iam_role" "records_replication" {
  for_each = local.others

  name = "${var.name}-records-from-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        ArnLike      = { "aws:SourceArn" = aws_s3_bucket.records[each.key].arn }
      }
    }]
  })
}

resource "aws_iam_role_policy" "records_replication" {
  for_each = local.others

  name = "replicate"
  role = aws_iam_role.records_replication[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
        Resource = aws_s3_bucket.records[each.key].arn
      },
      {
        Effect = "Allow"
        Action = [
          "s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging",
          "s3:GetObjectRetention", "s3:GetObjectLegalHold",
        ]
        Resource = "${aws_s3_bucket.records[each.key].arn}/*"
      },
      {
        Effect   = "Allow"
        Action   = ["s3:ReplicateObject", "s3:ReplicateTags"]
        Resource = "${aws_s3_bucket.records[each.value].arn}/*"
      },
      {
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = local.records_keys[each.key]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${each.key}.amazonaws.com" } }
      },
      {
        Effect    = "Allow"
        Action    = ["kms:Encrypt", "kms:GenerateDataKey"]
        Resource  = local.records_keys[each.value]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${each.value}.amazonaws.com" } }
      },
    ]
  })
}

resource "aws_s3_bucket_replication_configuration" "records" {
  for_each = local.others

  region = each.key
  bucket = aws_s3_bucket_versioning.records[each.key].bucket
  role   = aws_iam_role.records_replication[each.key].arn

  rule {
    id     = "all"
    status = "Enabled"

    filter {}

    delete_marker_replication {
      status = "Disabled"
    }

    source_selection_criteria {
      sse_kms_encrypted_objects {
        status = "Enabled"
      }
    }

    destination {
      bucket        = aws_s3_bucket.records[each.value].arn
      storage_class = "STANDARD"

      encryption_configuration {
        replica_kms_key_id = local.records_keys[each.value]
      }

      # Within a quarter of an hour, and measured: that is how far behind the records of the second region may be.
      replication_time {
        status = "Enabled"

        time {
          minutes = 15
        }
      }

      metrics {
        status = "Enabled"

        event_threshold {
          minutes = 15
        }
      }
    }
  }

  # A lock at the other end must be there before the first copy comes.
  depends_on = [aws_s3_bucket_object_lock_configuration.records]
}
