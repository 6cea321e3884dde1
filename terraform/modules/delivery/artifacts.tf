# What stages hand to each other. In both regions: an action takes its artifacts from a bucket in its own.
resource "aws_s3_bucket" "artifacts" {
  #checkov:skip=CKV_AWS_144:Artifacts are made again from the commit; copying them elsewhere protects nothing.
  #checkov:skip=CKV_AWS_18:CloudTrail records who reads them; access logs would want a bucket of their own.
  #checkov:skip=CKV2_AWS_62:Nobody waits for artifacts; the pipeline knows when they are there.
  for_each = local.regions

  region = each.key

  bucket = "${var.name}-artifacts-${local.account_id}-${each.key}"
}

resource "aws_s3_bucket_public_access_block" "artifacts" {
  for_each = local.regions

  region = each.key

  bucket                  = aws_s3_bucket.artifacts[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "artifacts" {
  for_each = local.regions

  region = each.key

  bucket = aws_s3_bucket.artifacts[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "artifacts" {
  for_each = local.regions

  region = each.key

  bucket = aws_s3_bucket.artifacts[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.key_arns[each.key]
    }
  }
}

# A stage can be rolled back to an execution as long as its artifacts are there. Bills of materials are kept as long.
resource "aws_s3_bucket_lifecycle_configuration" "artifacts" {
  for_each = local.regions

  region = each.key

  bucket = aws_s3_bucket.artifacts[each.key].id

  rule {
    id     = "old"
    status = "Enabled"

    filter {}

    expiration {
      days = 365
    }
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }
  }

  depends_on = [aws_s3_bucket_versioning.artifacts]
}

resource "aws_s3_bucket_policy" "artifacts" {
  for_each = local.regions

  region = each.key

  bucket = aws_s3_bucket.artifacts[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.artifacts[each.key].arn, "${aws_s3_bucket.artifacts[each.key].arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "RolloutsRead"
        Effect    = "Allow"
        Principal = { AWS = local.account_roots }
        Action    = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketLocation"]
        Resource  = [aws_s3_bucket.artifacts[each.key].arn, "${aws_s3_bucket.artifacts[each.key].arn}/*"]
        Condition = { ArnLike = { "aws:PrincipalArn" = local.rollout_role_patterns } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.artifacts]
}
