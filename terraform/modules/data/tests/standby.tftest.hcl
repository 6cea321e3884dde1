# A standby: it follows, and makes nothing that the primary makes for it.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-west-1" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
}

variables {
  name                      = "payments-standby"
  role                      = "standby"
  first                     = { region = "eu-central-1", global_cluster_identifier = "payments-production-ledger" }
  vpc_id                    = "vpc-2"
  database_subnet_ids       = ["subnet-1", "subnet-2", "subnet-3"]
  availability_zones        = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  client_security_group_ids = ["sg-nodes"]
  key_arns                  = { data = "key-data", records = "key-records", secrets = "key-secrets", logs = "key-logs" }
  aurora                    = { instance_class = "db.r8g.large", instances = 2 }
  cache                     = { node_type = "cache.r7g.large", nodes = 2 }
  ray_store                 = { node_type = "cache.m7g.large" }
  records                   = { lock_mode = "COMPLIANCE", lock_days = 2555 }
  passwords = {
    cache     = "cccccccccccccccccccccccccccccccc"
    ray_store = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
    ray_token = "tttttttttttttttttttttttttttttttt"
  }
}

run "follows" {
  assert {
    condition     = aws_rds_cluster.ledger.global_cluster_identifier == "payments-production-ledger" && aws_rds_cluster.ledger.source_region == "eu-central-1"
    error_message = "The standby's database joins the primary's global cluster."
  }

  assert {
    condition     = length(aws_rds_global_cluster.ledger) + length(aws_dynamodb_table.this) + length(aws_s3_bucket.records) == 0
    error_message = "Global cluster, tables and buckets are the primary's."
  }

  assert {
    condition = (
      output.table_arns["journal"] == "arn:aws:dynamodb:eu-west-1:123456789012:table/payments-journal"
      && output.records_bucket.name == "payments-records-123456789012-eu-west-1"
    )
    error_message = "Pods of the standby are given what is in its own region."
  }
}

run "a_standby_names_whom_it_follows" {
  command = plan

  variables {
    first = null
  }

  expect_failures = [var.first]
}
