# QuickSight asks Athena, as a role of ours and in our workgroup, so what it reads is bounded as for everybody else.
locals {
  quicksight = var.quicksight_principal_arn == null ? 0 : 1

  # Columns as the queries of deploy/analytics/queries name them.
  data_sets = {
    daily_volume = { date = "STRING", currency = "STRING", operation = "STRING", payments = "INTEGER", amount = "INTEGER" }
    refusals     = { date = "STRING", code = "STRING", refusals = "INTEGER" }
  }
}

resource "aws_iam_role" "quicksight" {
  count = local.quicksight

  name = "${var.name}-quicksight-${local.region}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "quicksight.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "quicksight" {
  count = local.quicksight

  name   = "ask"
  role   = aws_iam_role.quicksight[0].id
  policy = local.reader_policy
}

resource "aws_quicksight_data_source" "records" {
  count = local.quicksight

  data_source_id = "${var.name}-records"
  name           = "Transaction records"
  type           = "ATHENA"

  parameters {
    athena {
      work_group = aws_athena_workgroup.records.name
      role_arn   = aws_iam_role.quicksight[0].arn
    }
  }

  ssl_properties {
    disable_ssl = false
  }

  permission {
    principal = var.quicksight_principal_arn
    actions = [
      "quicksight:DescribeDataSource", "quicksight:DescribeDataSourcePermissions", "quicksight:PassDataSource",
      "quicksight:UpdateDataSource", "quicksight:UpdateDataSourcePermissions", "quicksight:DeleteDataSource",
    ]
  }

  depends_on = [aws_iam_role_policy.quicksight]
}

resource "aws_quicksight_data_set" "query" {
  for_each = var.quicksight_principal_arn == null ? {} : local.data_sets

  data_set_id = "${var.name}-${replace(each.key, "_", "-")}"
  name        = each.key
  # A copy in QuickSight would be one more place with people's payments in it.
  import_mode = "DIRECT_QUERY"

  physical_table_map {
    physical_table_map_id = replace(each.key, "_", "-")

    custom_sql {
      data_source_arn = aws_quicksight_data_source.records[0].arn
      name            = each.key
      # QuickSight does not choose the database: the query does.
      sql_query = replace(local.queries[each.key], "/(?m)^FROM (\\w+)$/", "FROM ${aws_glue_catalog_database.records.name}.$1")

      dynamic "columns" {
        for_each = each.value

        content {
          name = columns.key
          type = columns.value
        }
      }
    }
  }

  permissions {
    principal = var.quicksight_principal_arn
    actions = [
      "quicksight:DescribeDataSet", "quicksight:DescribeDataSetPermissions", "quicksight:PassDataSet", "quicksight:DescribeIngestion",
      "quicksight:ListIngestions", "quicksight:UpdateDataSet", "quicksight:DeleteDataSet", "quicksight:CreateIngestion",
      "quicksight:CancelIngestion", "quicksight:UpdateDataSetPermissions",
    ]
  }
}
