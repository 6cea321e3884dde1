mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name         = "payments-production"
  role         = "primary"
  key_arns     = { data = "arn:aws:kms:eu-central-1:123456789012:key/data", logs = "arn:aws:kms:eu-central-1:123456789012:key/logs" }
  runbooks_url = "https://example.com/deploy/runbooks"
  watched = {
    cluster_name              = "payments-production"
    aurora_cluster_identifier = "payments-production"
    stream_name               = "payments-events"
    table_names               = ["payments-journal", "payments-transactions"]
    function_names            = ["payments-kinesis-consumer", "payments-sns-notifier", "payments-authorizer"]
    stream_function_name      = "payments-kinesis-consumer"
    queue_names               = ["payments-instructions"]
    dead_letter_queue_names   = ["payments-events-dlq", "payments-instructions-dlq"]
    api_id                    = "a1b2c3"
    api_stage                 = "$default"
    load_balancer             = "app/payments/0123456789abcdef"
    target_group              = "targetgroup/payments/0123456789abcdef"
  }
  edge           = { distribution_id = "E1", web_acl_name = "payments", health_check_ids = { eu-central-1 = "h1" }, client_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" }
  standby_region = "eu-west-1"
  thresholds     = { database_connections = 1000 }
  subscribers    = { emails = ["operations@example.com"], pager = "https://pager.example.com/payments" }
  backup = {
    resource_arns        = ["arn:aws:rds:eu-central-1:123456789012:cluster:payments-production"]
    bucket_arns          = ["arn:aws:s3:::payments-records"]
    copy_vault_arn       = "arn:aws:backup:eu-west-1:123456789012:backup-vault:payments-standby"
    lock_changeable_days = 3
  }
  monthly_budget_usd = 20000
}

run "primary" {
  command = plan

  assert {
    condition = alltrue([
      for name, alarm in merge(aws_cloudwatch_metric_alarm.this, aws_cloudwatch_composite_alarm.this) :
      can(regex("^(critical|warning): .* https://example.com/deploy/runbooks/Payments[A-Za-z]+\\.md$", alarm.alarm_description))
    ])
    error_message = "Every alarm says how severe it is, what has happened, and where its runbook is."
  }
  assert {
    condition = alltrue([
      for name in ["payments-money-diverged", "payments-shard-without-host", "payments-api-errors-minutes", "payments-unwatched"] :
      strcontains(aws_cloudwatch_composite_alarm.stop_deployment.alarm_rule, "ALARM(\"${name}\")")
    ])
    error_message = "A deployment stops at what a new version can break."
  }
  assert {
    condition     = alltrue([for name in ["payments-unwatched", "payments-ray-head-down"] : aws_cloudwatch_metric_alarm.this[name].treat_missing_data == "breaching"])
    error_message = "Silence is an alarm where it means that nobody is there."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.edge : alarm.region == "us-east-1"])
    error_message = "The edge's figures are in us-east-1."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.edge["payments-origin-certificate-expiring"].dimensions["CertificateArn"] == var.edge.client_certificate_arn
    error_message = "Somebody hears in time that CloudFront's client certificate ends."
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.kms_key_id == var.key_arns["logs"] && group.retention_in_days >= 30])
    error_message = "Logs are encrypted with our key and kept for a time."
  }
  assert {
    condition = alltrue([
      for rule in aws_backup_plan.this[0].rule : anytrue([for copy in rule.copy_action : copy.destination_vault_arn == var.backup.copy_vault_arn])
    ])
    error_message = "Every backup is copied to the other region."
  }
  assert {
    condition     = aws_backup_vault_lock_configuration.this.changeable_for_days == 3 && aws_backup_vault_lock_configuration.this.min_retention_days >= 7
    error_message = "The vault is locked for good in production."
  }
  assert {
    condition     = aws_budgets_budget.monthly[0].limit_amount == "20000"
    error_message = "The budget is what was asked for."
  }
}

run "standby" {
  command = plan

  variables {
    role           = "standby"
    edge           = null
    standby_region = ""
    backup         = { resource_arns = [] }
  }

  assert {
    condition     = alltrue([for name in ["payments-unwatched", "payments-not-ready", "payments-commits-slow"] : !contains(keys(aws_cloudwatch_metric_alarm.this), name)])
    error_message = "No ledger runs in the standby region: alarms about it would never be quiet."
  }
  assert {
    condition = alltrue([
      for name in ["payments-money-diverged", "payments-shard-without-host", "payments-audit-lagging", "payments-ray-head-down"] :
      aws_cloudwatch_metric_alarm.this[name].treat_missing_data == "notBreaching"
    ])
    error_message = "After a failover the ledger must be watched at once, and be quiet before."
  }
  assert {
    condition     = strcontains(aws_cloudwatch_composite_alarm.stop_deployment.alarm_rule, "ALARM(\"payments-money-diverged\")")
    error_message = "After a failover a rollout must still stop at money that diverges."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["payments-standby-lagging"].treat_missing_data == "breaching"
    error_message = "The standby region must hear it when nothing is replicated to it any more."
  }
  assert {
    condition = [for query in aws_cloudwatch_metric_alarm.this["payments-standby-lagging"].metric_query : [query.expression, query.period, length(query.metric)]] == [
      ["SELECT MAX(AuroraGlobalDBReplicationLag) FROM \"AWS/RDS\"", 60, 0]
    ]
    error_message = "Aurora's lag is found under whatever dimension it is told."
  }
  assert {
    condition     = length(aws_backup_plan.this) == 0 && length(aws_cloudwatch_metric_alarm.edge) == 0
    error_message = "Backups are copied to the standby region, and the edge is watched by the primary."
  }
}

run "nobody_hears" {
  command = plan

  variables {
    subscribers = { emails = [] }
  }

  expect_failures = [var.subscribers]
}

run "continuous_for_too_long" {
  command = plan

  variables {
    backup = { resource_arns = [], short_days = 60 }
  }

  expect_failures = [var.backup]
}
