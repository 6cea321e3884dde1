locals {
  parameters = merge(
    {
      "rds.force_ssl"            = "1"
      "ssl_min_protocol_version" = "TLSv1.2"
      # Off would mean that a commit is answered before the storage has it: acknowledged would no longer mean durable.
      "synchronous_commit" = "on"
      # Who changed tables or roles, what took longer than a second, who waited for whom. Never what was written: it is people's money.
      "log_statement"              = "ddl"
      "log_min_duration_statement" = "1000"
      "log_parameter_max_length"   = "0"
      "log_lock_waits"             = "1"
      "pgaudit.log"                = "ddl,role"
    },
    # With every copy further behind than this, the primary makes commits wait: no more than this is lost with a region.
    var.aurora.global_rpo_seconds == null ? {} : { "rds.global_db_rpo" = tostring(var.aurora.global_rpo_seconds) },
  )
}

resource "aws_rds_cluster_parameter_group" "ledger" {
  name_prefix = "${var.name}-ledger-"
  description = "What a ledger needs of PostgreSQL"
  family      = "aurora-postgresql${split(".", var.aurora.engine_version)[0]}"

  parameter {
    name         = "shared_preload_libraries"
    value        = "pg_stat_statements,pgaudit"
    apply_method = "pending-reboot"
  }

  dynamic "parameter" {
    for_each = local.parameters

    content {
      name         = parameter.key
      value        = parameter.value
      apply_method = "immediate"
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}
