# Holds one file: the certificates of the authorities that sign CloudFront's client certificate. Nothing in it is secret; what counts is who
# may change it.
resource "aws_s3_bucket" "trust_store" {
  #checkov:skip=CKV_AWS_145:Certificates are public, and API Gateway is not documented to read trust stores under a key of ours.
  #checkov:skip=CKV_AWS_18:CloudTrail records who writes here; the gateway reads it once for each change.
  #checkov:skip=CKV_AWS_144:Each region has its own trust store.
  #checkov:skip=CKV2_AWS_61:One object of a few kilobytes, whose versions tell what was trusted when.
  #checkov:skip=CKV2_AWS_62:Nobody waits for its changes.
  bucket = "${var.name}-trust-store-${data.aws_caller_identity.this.account_id}"
}

resource "aws_s3_bucket_versioning" "trust_store" {
  bucket = aws_s3_bucket.trust_store.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "trust_store" {
  bucket = aws_s3_bucket.trust_store.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "trust_store" {
  bucket                  = aws_s3_bucket.trust_store.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_policy" "trust_store" {
  bucket = aws_s3_bucket.trust_store.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyByTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.trust_store.arn, "${aws_s3_bucket.trust_store.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.trust_store]
}

resource "aws_s3_object" "trust_store" {
  bucket       = aws_s3_bucket_versioning.trust_store.bucket
  key          = "authorities.pem"
  content      = var.origin_client_ca_pem
  content_type = "application/x-pem-file"
}
