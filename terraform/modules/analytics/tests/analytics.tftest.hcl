# What must hold of the catalogue, the workgroup, Redshift and its loads.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/copy" }
  }

  mock_resource "aws_sfn_state_machine" {
    defaults = { arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:load" }
  }

  mock_resource "aws_redshiftserverless_workgroup" {
    defaults = { arn = "arn:aws:redshift-serverless:eu-central-1:123456789012:workgroup/1" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:lists" }
  }
}

variables {
  name           = "payments-production"
  records_bucket = { name = "payments-records-123456789012-eu-central-1", arn = "arn:aws:s3:::payments-records-123456789012-eu-central-1" }
  key_arns       = { records = "key-records", secrets = "key-secrets", logs = "key-logs" }
  vpc_id         = "vpc-1"
  subnet_ids     = ["subnet-1", "subnet-2", "subnet-3"]
}

run "catalogue" {
  assert {
    condition = alltrue([
      for table in aws_glue_catalog_table.records :
      # Never the data itself: files that no list names do not count.
      table.storage_descriptor[0].location == "s3://payments-records-123456789012-eu-central-1/athena/${table.name}/"
      && table.storage_descriptor[0].input_format == "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
      && table.storage_descriptor[0].ser_de_info[0].serialization_library == "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      && table.partition_keys[0].name == "date"
      && table.parameters["projection.enabled"] == "true" && table.parameters["projection.date.format"] == "yyyy-MM-dd"
    ]) && keys(aws_glue_catalog_table.records) == ["entries", "events"]
    error_message = "Two tables over lists of files, with days that are computed."
  }

  assert {
    condition     = length(aws_athena_named_query.query) >= 8 && keys(aws_athena_named_query.view) == ["accounts", "balances", "payments"]
    error_message = "All queries and views of deploy/analytics are there."
  }

  assert {
    condition     = alltrue([for query in aws_athena_named_query.query : !can(regex("[$][{]", query.query)) && length(query.description) > 10])
    error_message = "Queries say what they answer, and have nothing left to fill in."
  }
}

run "answers" {
  assert {
    condition = (
      aws_athena_workgroup.records.configuration[0].enforce_workgroup_configuration
      && aws_athena_workgroup.records.configuration[0].bytes_scanned_cutoff_per_query > 0
      && aws_athena_workgroup.records.configuration[0].result_configuration[0].encryption_configuration[0].kms_key_arn == "key-records"
    )
    error_message = "Whoever asks can neither read without limit nor keep answers unencrypted."
  }
}

run "redshift" {
  assert {
    condition = (
      !aws_redshiftserverless_workgroup.records.publicly_accessible && aws_redshiftserverless_namespace.records.manage_admin_password
      && aws_redshiftserverless_namespace.records.kms_key_id == "key-records" && aws_redshiftserverless_usage_limit.records.breach_action == "deactivate"
      && length(aws_vpc_security_group_ingress_rule.redshift) == 0
    )
    error_message = "Redshift is private, encrypted, bounded in cost, and reached by nobody who is not named."
  }
}

run "loads" {
  assert {
    condition = alltrue([
      for table in ["entries", "events"] :
      startswith(local.load_statements[table][0], "CREATE TEMPORARY TABLE") && startswith(local.load_statements[table][1], "COPY loaded")
      && startswith(local.load_statements[table][2], "MERGE INTO ${table}") && length(local.load_statements[table]) == 6
      && strcontains(local.load_statements[table][1], "'s3://payments-records-123456789012-eu-central-1/redshift/${table}/$${number}.manifest'")
      && strcontains(local.load_statements[table][1], "'arn:aws:iam::123456789012:role/copy'")
    ])
    error_message = "A load is the statements of deploy/analytics/redshift, in one batch, which is one transaction."
  }

  assert {
    condition = alltrue([
      for name, state in jsondecode(aws_sfn_state_machine.load.definition).States :
      contains(keys(jsondecode(aws_sfn_state_machine.load.definition).States), try(state.Next, state.Default, "Loaded"))
      && alltrue([for choice in try(state.Choices, []) : contains(keys(jsondecode(aws_sfn_state_machine.load.definition).States), choice.Next)])
    ])
    error_message = "Every step leads to one that exists."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.list.event_pattern).detail.bucket.name == ["payments-records-123456789012-eu-central-1"] && aws_cloudwatch_event_target.list.dead_letter_config[0].arn == aws_sqs_queue.lists.arn
    error_message = "New lists of our bucket start loads; those that cannot be started are kept."
  }
  assert {
    condition     = aws_sqs_queue.lists.sqs_managed_sse_enabled && aws_sqs_queue.lists.kms_master_key_id == null
    error_message = "A key of ours does not let EventBridge in, and what cannot be started would be lost."
  }

  assert {
    condition     = !anytrue([for statement in jsondecode(aws_iam_role_policy.copy.policy).Statement : strcontains(jsonencode(statement.Action), "s3:Put")])
    error_message = "Redshift reads records, and writes none."
  }
}

run "quicksight" {
  variables {
    quicksight_principal_arn = "arn:aws:quicksight:eu-central-1:123456789012:group/default/analysts"
  }

  assert {
    condition = alltrue([
      for set in aws_quicksight_data_set.query : alltrue([
        for column in one(set.physical_table_map).custom_sql[0].columns : strcontains(one(set.physical_table_map).custom_sql[0].sql_query, column.name)
      ]) && strcontains(one(set.physical_table_map).custom_sql[0].sql_query, "FROM payments_records.") && set.import_mode == "DIRECT_QUERY"
    ]) && length(aws_quicksight_data_set.query) == 2
    error_message = "Data sets are our queries, with their columns, in our database, and copy nothing."
  }

  assert {
    condition = alltrue([
      for found in regexall("\"column_name\":\"(\\w+)\",\"data_set_identifier\":\"(\\w+)\"", jsonencode(aws_quicksight_dashboard.records[0].definition)) :
      contains(keys(local.data_sets[found[1]]), found[0])
    ]) && length(regexall("column_name", jsonencode(aws_quicksight_dashboard.records[0].definition))) == 6
    error_message = "The dashboard shows columns that its data sets have."
  }
}

run "no_quicksight_unless_somebody_owns_it" {
  assert {
    condition     = length(aws_quicksight_data_source.records) + length(aws_quicksight_data_set.query) == 0
    error_message = "Without an owner there is nothing of QuickSight."
  }
}

run "three_zones" {
  command = plan

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}
