# The tables are read from the definitions that people run by hand: what Athena knows cannot drift from what is documented.
locals {
  definitions = {
    for found in regexall("(?s)CREATE EXTERNAL TABLE IF NOT EXISTS (\\w+) \\((.*?)\\n\\)\\n(.*?);", file("${path.module}/../../../deploy/analytics/athena/tables.sql")) :
    found[0] => {
      columns    = [for column in regexall("(\\w+) (\\w+),?", found[1]) : { name = column[0], type = column[1] }]
      partition  = regex("PARTITIONED BY \\(`(\\w+)` (\\w+)\\)", found[2])
      serde      = one(regex("SERDE '([^']+)'", found[2]))
      input      = one(regex("INPUTFORMAT '([^']+)'", found[2]))
      output     = one(regex("OUTPUTFORMAT '([^']+)'", found[2]))
      location   = replace(one(regex("LOCATION '([^']+)'", found[2])), "$${bucket}", var.records_bucket.name)
      properties = { for property in regexall("'(projection[^']*)' = '([^']*)'", found[2]) : property[0] => property[1] }
    }
  }
}

resource "aws_glue_catalog_database" "records" {
  name        = "payments_records"
  description = "Transaction records of the ledger"
}

resource "aws_glue_catalog_table" "records" {
  for_each = local.definitions

  database_name = aws_glue_catalog_database.records.name
  name          = each.key
  table_type    = "EXTERNAL_TABLE"
  parameters    = merge({ EXTERNAL = "TRUE" }, each.value.properties)

  partition_keys {
    name = each.value.partition[0]
    type = each.value.partition[1]
  }

  storage_descriptor {
    location      = each.value.location
    input_format  = each.value.input
    output_format = each.value.output

    ser_de_info {
      serialization_library = each.value.serde
    }

    dynamic "columns" {
      for_each = each.value.columns

      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }
}
