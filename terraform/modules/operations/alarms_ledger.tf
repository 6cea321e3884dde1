# The ledger's own figures, brought from the pods by the collector (deploy/monitoring/adot): the same promises as the rules of Prometheus,
# which lives in the same cluster as what it watches. A standby region has them too: no ledger runs there, and so nothing is heard, but after a
# failover it must not run unwatched until somebody has changed Terraform. Only silence is no alarm there.
locals {
  ledger_namespace  = "Payments"
  ledger_dimensions = { ledger = "payments" }

  ledger_figures = {
    payments-money-diverged = {
      severity = "critical", summary = "The audit found money that the journal does not explain.", metric = "payments_audit_divergence"
      stat     = "Maximum", threshold = 0, periods = 1
    }
    payments-audit-lagging = {
      severity = "warning", summary = "Records wait for their audit for over an hour.", metric = "payments_audit_lag_seconds"
      stat     = "Maximum", threshold = 3600, periods = 15, missing = "breaching"
    }
    payments-shard-without-host = {
      severity = "critical", summary = "No host serves a shard: its accounts can neither pay nor be paid.", metric = "payments_shard_served"
      stat     = "Minimum", threshold = 1, periods = 2, below = true
    }
    payments-shard-broken = {
      severity = "critical", summary = "A host cannot recover a shard from its journal.", metric = "payments_host_broken_shards"
      stat     = "Maximum", threshold = 0, periods = 2
    }
    payments-travellers-stuck = {
      severity = "critical", summary = "A payment between hosts does not come to its end.", metric = "payments_shard_travelling_seconds"
      stat     = "Maximum", threshold = 120, periods = 2
    }
    payments-mirror-behind = {
      severity = "critical", summary = "The journal's mirror in DynamoDB lacks records.", metric = "payments_journal_mirror_lag_seconds"
      stat     = "Maximum", threshold = 30, periods = 2
    }
    payments-projections-lagging = {
      severity = "warning", summary = "Lists and statements are minutes behind the journal.", metric = "payments_projection_lag_seconds"
      stat     = "Maximum", threshold = 300, periods = 10
    }
    payments-bridge-lagging = {
      severity = "warning", summary = "A bridge carries events over minutes late.", metric = "payments_bridge_lag_seconds"
      stat     = "Maximum", threshold = 180, periods = 5
    }
    payments-bridge-stopped = {
      severity = "critical", summary = "A bridge is broken or silent: events no longer go out.", metric = "payments_bridge_stopped"
      stat     = "Maximum", threshold = 0, periods = 2
    }
    payments-webhooks-failing = {
      severity = "warning", summary = "A receiver of webhooks has not taken an event for over an hour.", metric = "payments_webhook_oldest_seconds"
      stat     = "Maximum", threshold = 3600, periods = 10
    }
    payments-hosts-restless = {
      severity = "warning", summary = "Shards change hands again and again.", metric = "payments_host_halts_total"
      stat     = "Sum", threshold = 2, periods = 1, period = 900
    }
    payments-queue-nearly-full = {
      severity = "critical", summary = "Hosts refuse messages because their queues are full.", metric = "payments_host_busy_messages_total"
      stat     = "Sum", threshold = 0, periods = 5
    }
    payments-redis-down = {
      severity = "warning", summary = "A replica of the API does without Redis.", metric = "payments_redis_up"
      stat     = "Minimum", threshold = 1, periods = 5, below = true
    }
    payments-ray-head-down = {
      severity = "critical", summary = "Nothing is heard of Ray's head node: hosts that die are not replaced.", metric = "payments_ray_head_up"
      stat     = "Minimum", threshold = 1, periods = 3, below = true, missing = "breaching"
    }
    payments-event-loop-lagging = {
      severity = "warning", summary = "Ray's event loops begin work late.", metric = "ray_io_context_event_loop_lag_ms"
      stat     = "Maximum", threshold = 500, periods = 10
    }
    payments-unwatched = {
      severity = "critical", summary = "The ledger says nothing of itself any more.", metric = "payments_shard_served"
      stat     = "SampleCount", threshold = 1, periods = 5, below = true, missing = "breaching"
    }
  }

  ledger_alarms = {
    for name, figure in local.ledger_figures : name => merge(
      { period = 60 }, figure, { metrics = { figure = {
        namespace = local.ledger_namespace, metric = figure.metric, stat = figure.stat, dimensions = local.ledger_dimensions
      } } },
      { for quiet in ["notBreaching"] : "missing" => quiet if var.role == "standby" },
    ) if var.role == "primary" || name != "payments-unwatched"
  }
}
