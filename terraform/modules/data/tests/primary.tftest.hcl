# A primary with a second region: what must hold of the database, the tables, Valkey, the records and the policies.
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

  mock_resource "aws_rds_cluster" {
    defaults = {
      arn                 = "arn:aws:rds:eu-central-1:123456789012:cluster:payments-production-ledger"
      endpoint            = "writer.example"
      cluster_resource_id = "cluster-ABC"
    }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
}

variables {
  name                      = "payments-production"
  role                      = "primary"
  vpc_id                    = "vpc-1"
  database_subnet_ids       = ["subnet-1", "subnet-2", "subnet-3"]
  availability_zones        = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  client_security_group_ids = ["sg-nodes"]
  second                    = { region = "eu-west-1", key_arns = { data = "key-data-2", records = "key-records-2", secrets = "key-secrets-2" } }
  key_arns                  = { data = "key-data", records = "key-records", secrets = "key-secrets", logs = "key-logs" }
  aurora                    = { instance_class = "db.r8g.large", instances = 3, global_rpo_seconds = 60 }
  cache                     = { node_type = "cache.r7g.large", nodes = 2 }
  ray_store                 = { node_type = "cache.m7g.large" }
  records                   = { lock_mode = "COMPLIANCE", lock_days = 2555 }
  passwords = {
    database  = "dddddddddddddddddddddddddddddddd"
    cache     = "cccccccccccccccccccccccccccccccc"
    ray_store = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
    ray_token = "tttttttttttttttttttttttttttttttt"
  }
}

run "database" {
  assert {
    condition     = aws_rds_cluster.ledger.storage_type == "aurora-iopt1" && aws_rds_cluster.ledger.storage_encrypted && aws_rds_cluster.ledger.kms_key_id == "key-data"
    error_message = "The database's storage has I/O in its price, and our key."
  }

  assert {
    condition     = aws_rds_cluster.ledger.iam_database_authentication_enabled && aws_rds_cluster.ledger.deletion_protection && !aws_rds_cluster.ledger.skip_final_snapshot
    error_message = "Logins by IAM; no deletion by accident, and none without a snapshot."
  }

  assert {
    condition     = toset([for instance in aws_rds_cluster_instance.ledger : instance.availability_zone]) == toset(var.availability_zones)
    error_message = "Three instances stand in three zones."
  }

  assert {
    condition = {
      for parameter in aws_rds_cluster_parameter_group.ledger.parameter : parameter.name => parameter.value
      if contains(["synchronous_commit", "rds.force_ssl", "rds.global_db_rpo", "log_parameter_max_length"], parameter.name)
    } == { "synchronous_commit" = "on", "rds.force_ssl" = "1", "rds.global_db_rpo" = "60", "log_parameter_max_length" = "0" }
    error_message = "Commits wait for storage, connections are encrypted, the second region is not left behind, and no log holds what was written."
  }

  assert {
    condition     = aws_rds_cluster.ledger.global_cluster_identifier == aws_rds_global_cluster.ledger[0].id
    error_message = "The primary belongs to the global cluster that it makes."
  }

  assert {
    condition     = aws_rds_cluster.ledger.master_password_wo == null && !can(regex("dddd", aws_secretsmanager_secret_version.database.secret_string))
    error_message = "No password is kept, and the URL has none."
  }
}

run "network" {
  assert {
    condition = alltrue([
      for rule in concat(aws_vpc_security_group_ingress_rule.aurora, aws_vpc_security_group_ingress_rule.valkey) :
      rule.cidr_ipv4 == null && rule.referenced_security_group_id == "sg-nodes" && contains([5432, 6379], rule.from_port)
    ])
    error_message = "Only the named groups reach the databases, and only at their ports."
  }
}

run "tables" {
  assert {
    condition = alltrue([
      for table in aws_dynamodb_table.this :
      table.deletion_protection_enabled && table.point_in_time_recovery[0].enabled && table.stream_enabled
      && table.server_side_encryption[0].kms_key_arn == "key-data"
      && one(table.replica).region_name == "eu-west-1" && one(table.replica).kms_key_arn == "key-data-2" && one(table.replica).point_in_time_recovery
    ]) && length(aws_dynamodb_table.this) == 2
    error_message = "Both tables are protected, encrypted, can be restored to any second, and are copied to the second region likewise."
  }
}

run "valkey" {
  assert {
    condition = alltrue([
      for group in [aws_elasticache_replication_group.cache, aws_elasticache_replication_group.ray] :
      group.transit_encryption_enabled && group.transit_encryption_mode == "required" && group.multi_az_enabled && group.automatic_failover_enabled
      && length(group.user_group_ids) == 1 && group.kms_key_id == "key-data"
    ])
    error_message = "Both Valkeys are encrypted, fail over between zones, and let only their users in."
  }

  assert {
    condition     = aws_elasticache_replication_group.ray.durability == "sync" && aws_elasticache_replication_group.ray.num_node_groups == 1
    error_message = "Ray's control store is written durably, and is one shard, which is all that Ray can use."
  }
}

run "records" {
  assert {
    condition     = keys(aws_s3_bucket.records) == ["eu-central-1", "eu-west-1"] && alltrue([for bucket in aws_s3_bucket.records : bucket.object_lock_enabled])
    error_message = "There is a bucket with a lock in either region."
  }

  assert {
    condition     = alltrue([for lock in aws_s3_bucket_object_lock_configuration.records : lock.rule[0].default_retention[0].mode == "COMPLIANCE" && lock.rule[0].default_retention[0].days == 2555])
    error_message = "Records are locked from the moment they are written."
  }

  assert {
    condition = alltrue([
      for region, replication in aws_s3_bucket_replication_configuration.records :
      replication.rule[0].destination[0].bucket != aws_s3_bucket.records[region].arn
      && replication.rule[0].delete_marker_replication[0].status == "Disabled"
      && replication.rule[0].destination[0].encryption_configuration[0].replica_kms_key_id == (region == "eu-west-1" ? "key-records" : "key-records-2")
    ])
    error_message = "Each bucket is copied to the other under its key; deletions are not."
  }

  assert {
    condition = alltrue([
      for policy in aws_s3_bucket_policy.records :
      anytrue([for statement in jsondecode(policy.policy).Statement : statement.Effect == "Deny" && try(statement.Condition.Bool["aws:SecureTransport"], "") == "false"])
      && alltrue([for statement in jsondecode(policy.policy).Statement : statement.Effect == "Deny"])
    ])
    error_message = "The buckets' policies refuse connections without TLS, and allow nothing."
  }

  # Whatever is archived must be readable at once.
  assert {
    condition = alltrue(flatten([
      for lifecycle in aws_s3_bucket_lifecycle_configuration.records :
      [for rule in lifecycle.rule : [for transition in rule.transition : transition.storage_class == "GLACIER_IR"]]
    ]))
    error_message = "Queries read all records, also old ones."
  }
}

run "policies" {
  assert {
    condition = alltrue(flatten([
      for policy in output.workload_policies : [
        for statement in jsondecode(policy).Statement :
        [for action in flatten([statement.Action]) : !strcontains(action, "*")]
      ]
    ]))
    error_message = "Pods may make calls that are named, not all of a kind."
  }

  assert {
    condition = sort([
      for account, policy in output.workload_policies : account
      if anytrue([for statement in jsondecode(policy).Statement : contains(flatten([statement.Action]), "dynamodb:UpdateItem")])
    ]) == tolist(["payments-shard-host"])
    error_message = "Only shard hosts write the journal."
  }

  assert {
    condition = alltrue([
      for policy in output.workload_policies :
      anytrue([for statement in jsondecode(policy).Statement : statement.Action == "rds-db:connect" && endswith(statement.Resource, ":dbuser:cluster-ABC/payments")])
    ])
    error_message = "Everybody logs in as the program's role, in this cluster alone."
  }

  assert {
    condition     = alltrue([for policy in output.workload_policies : !anytrue([for statement in jsondecode(policy).Statement : strcontains(jsonencode(statement.Action), "s3:Delete")])])
    error_message = "Nobody deletes records."
  }
}

run "one_instance_is_refused" {
  command = plan

  variables {
    aurora = { instance_class = "db.r8g.large", instances = 1 }
  }

  expect_failures = [var.aurora]
}

run "a_node_that_cannot_be_durable_is_refused" {
  command = plan

  variables {
    ray_store = { node_type = "cache.t4g.small" }
  }

  expect_failures = [var.ray_store]
}

run "weak_passwords_are_refused" {
  command = plan

  variables {
    passwords = { database = "secret", cache = "secret", ray_store = "secret", ray_token = "secret" }
  }

  expect_failures = [var.passwords]
}
