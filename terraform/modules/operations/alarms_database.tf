locals {
  aurora = { DBClusterIdentifier = var.watched.aurora_cluster_identifier }
  writer = merge(local.aurora, { Role = "WRITER" })

  all_database_alarms = {
    payments-commits-slow = {
      severity = "warning", summary = "Aurora takes over 0.2 s for a commit, and so does every payment.", roles = ["primary"]
      metrics  = { latency = { namespace = "AWS/RDS", metric = "CommitLatency", dimensions = local.writer, stat = "Average" } }
      period   = 60, periods = 10, threshold = 200
    }
    payments-database-connections = {
      severity = "warning", summary = "Over 80 % of the database's connections are taken.", roles = ["primary", "standby"]
      metrics  = { taken = { namespace = "AWS/RDS", metric = "DatabaseConnections", dimensions = local.aurora, stat = "Maximum" } }
      period   = 60, periods = 5, threshold = floor(0.8 * var.thresholds.database_connections)
    }
    payments-database-busy = {
      severity = "warning", summary = "The writer's processors are over 80 % busy.", runbook = "PaymentsDatabaseStrained", roles = ["primary"]
      metrics  = { busy = { namespace = "AWS/RDS", metric = "CPUUtilization", dimensions = local.writer, stat = "Average" } }
      period   = 60, periods = 10, threshold = 80
    }
    payments-database-replica-lagging = {
      severity = "warning", summary = "A reader is over a second behind the writer: a failover to it takes longer."
      runbook  = "PaymentsDatabaseStrained", roles = ["primary"]
      metrics  = { lag = { namespace = "AWS/RDS", metric = "AuroraReplicaLagMaximum", dimensions = local.aurora, stat = "Maximum" } }
      period   = 60, periods = 5, threshold = 1000
    }
    # The journal's own volume grows by itself; what runs full is an instance's local disk, with sorts and temporary tables.
    payments-database-disk-low = {
      severity = "warning", summary = "An instance's local disk runs full.", runbook = "PaymentsDatabaseStrained", roles = ["primary", "standby"]
      metrics  = { free = { namespace = "AWS/RDS", metric = "FreeLocalStorage", dimensions = local.aurora, stat = "Minimum" } }
      period   = 300, periods = 3, threshold = var.thresholds.database_local_free_bytes, below = true
    }
    # At 2 billion PostgreSQL refuses to write. Autovacuum begins at 200 million.
    payments-database-transaction-ids = {
      severity = "critical", summary = "Vacuum does not keep up: transaction ids run out.", runbook = "PaymentsDatabaseStrained", roles = ["primary"]
      metrics  = { used = { namespace = "AWS/RDS", metric = "MaximumUsedTransactionIDs", dimensions = local.aurora, stat = "Maximum" } }
      period   = 300, periods = 3, threshold = 1000000000
    }
  }

  database_alarms = { for name, alarm in local.all_database_alarms : name => alarm if contains(alarm.roles, var.role) }
}
