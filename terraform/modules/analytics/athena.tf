resource "aws_athena_workgroup" "records" {
  name        = "${var.name}-records"
  description = "Questions about transaction records"

  configuration {
    # Whoever asks cannot have other results than these: encrypted, in our bucket, of so much data.
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.query_bytes_max

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location       = "s3://${aws_s3_bucket.results.bucket}/results/"
      expected_bucket_owner = local.account_id

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = var.key_arns["records"]
      }
    }
  }
}

locals {
  analytics = "${path.module}/../../../deploy/analytics"

  queries = { for file in fileset("${local.analytics}/queries", "*.sql") : trimsuffix(file, ".sql") => file("${local.analytics}/queries/${file}") }

  views = {
    for text in regexall("(?s)CREATE VIEW \\w+ AS\\n[^;]*", file("${local.analytics}/views.sql")) : regex("CREATE VIEW (\\w+)", text)[0] => text
  }
}

resource "aws_athena_named_query" "query" {
  for_each = local.queries

  name        = each.key
  description = trimspace(trimprefix(split("\n", each.value)[0], "--"))
  database    = aws_glue_catalog_database.records.name
  workgroup   = aws_athena_workgroup.records.id
  query       = each.value
}

resource "aws_athena_named_query" "view" {
  for_each = local.views

  name        = "view-${each.key}"
  description = "Run once: other queries ask ${each.key}."
  database    = aws_glue_catalog_database.records.name
  workgroup   = aws_athena_workgroup.records.id
  query       = each.value
}
