# Keys, indexes and expiry are those of processor/aws/resources.py: a test holds them together.
#
# Copies in the second region follow within about a second, item by item. A table that is consistent over regions would be no mirror of ours:
# it knows no transactions, and every append is one. So a copy may hold half of the newest append: after the loss of a region the database
# decides, and the table is brought level with it (deploy/journal.md).
#
# The copies are made from here and not by the second region's configuration, because a global table is one thing.
locals {
  tables = {
    journal = {
      name       = "payments-journal"
      attributes = { pk = "S", sk = "N" }
      hash_key   = "pk"
      range_key  = "sk"
      indexes    = {}
      expiry     = null
    }
    transactions = {
      name       = "payments-transactions"
      attributes = { payment_id = "S", from_account = "S", to_account = "S", reference = "S", created_at = "S" }
      hash_key   = "payment_id"
      range_key  = null
      indexes = {
        by_from_account = { hash_key = "from_account", range_key = "created_at" }
        by_to_account   = { hash_key = "to_account", range_key = "created_at" }
        by_reference    = { hash_key = "reference", range_key = "created_at" }
      }
      expiry = "remove_at_seconds"
    }
  }
}

locals {
  table_arns = {
    for table, of in local.tables : table => "arn:${local.partition}:dynamodb:${local.region}:${local.account_id}:table/${of.name}"
  }
}

resource "aws_dynamodb_table" "this" {
  for_each = { for table, of in local.tables : table => of if local.is_primary }

  name         = each.value.name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = each.value.hash_key
  range_key    = each.value.range_key

  dynamic "attribute" {
    for_each = each.value.attributes

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.indexes

    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value.hash_key
      range_key       = global_secondary_index.value.range_key
      projection_type = "ALL"
    }
  }

  dynamic "ttl" {
    for_each = each.value.expiry[*]

    content {
      enabled        = true
      attribute_name = ttl.value
    }
  }

  dynamic "warm_throughput" {
    for_each = each.key == "journal" ? var.journal_warm_writes_per_second[*] : []

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
