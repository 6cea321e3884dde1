# What the functions keep. Balances can be made again from the stream or the journal; API keys cannot, and count in both regions.
resource "aws_dynamodb_table" "balances" {
  #checkov:skip=CKV2_AWS_16:On demand scales by itself.
  name                        = "payments-balances"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "account"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "account"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.key_arns["data"]
  }
}

resource "aws_dynamodb_table" "api_keys" {
  count = var.role == "primary" ? 1 : 0

  name                        = "payments-api-keys"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "key_sha256"
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "key_sha256"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = var.key_arns["data"]
  }

  dynamic "replica" {
    for_each = var.second[*]

    content {
      region_name                 = replica.value.region
      kms_key_arn                 = replica.value.key_arns["data"]
      point_in_time_recovery      = true
      deletion_protection_enabled = var.deletion_protection
      propagate_tags              = true
    }
  }
}

locals {
  api_keys_arn = "arn:${local.partition}:dynamodb:${local.region}:${local.account_id}:table/payments-api-keys"
}
