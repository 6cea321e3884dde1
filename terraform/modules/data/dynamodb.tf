# Keys, indexes and expiry are those of processor/aws/resources.py, and a test holds them together.
#
# Copies in the second region follow within about a second, item by item. A table that is consistent over regions would be no mirror of ours:
# it knows no transactions, and every append is one. So a copy may hold half of the newest append: after the loss of a region the database
# decides, and the table is brought level with it (deploy/journal.md).
#
# The copies are made from here and not by the second region's configuration, because a global table is one thing.

resource "aws_dynamodb_table" "journal" {
  count = local.is_primary ? 1 : 0

  name         = "payments-journal"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "N"
  }

  dynamic "warm_throughput" {
    for_each = var.journal_warm_writes_per_second[*]

    content {
      # Everybody who follows the journal reads what was just written, and not much else.
      read_units_per_second  = max(warm_throughput.value, 12000)
      write_units_per_second = warm_throughput.value
    }
  }

  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
  deletion_protection_enabled = var.deletion_protection

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = 35
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

resource "aws_dynamodb_table" "transactions" {
  count = local.is_primary ? 1 : 0

  name         = "payments-transactions"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "payment_id"

  dynamic "attribute" {
    for_each = toset(["payment_id", "from_account", "to_account", "reference", "created_at"])

    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = toset(["from_account", "to_account", "reference"])

    content {
      name            = "by_${global_secondary_index.value}"
      hash_key        = global_secondary_index.value
      range_key       = "created_at"
      projection_type = "ALL"
    }
  }

  ttl {
    enabled        = true
    attribute_name = "remove_at_seconds"
  }

  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"
  deletion_protection_enabled = var.deletion_protection

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = 35
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
  table_arns = {
    for table in ["journal", "transactions"] :
    table => "arn:${local.partition}:dynamodb:${local.region}:${local.account_id}:table/payments-${table}"
  }
}
