# What stops a deployment: the pipeline asks for this one alarm before, during and after a rollout, and rolls back when it fires. Only what
# a new version can break within minutes belongs here; a full dead-letter queue from yesterday must not hold a repair up.
locals {
  stopping = [
    for name in [
      "payments-money-diverged", "payments-shard-without-host", "payments-shard-broken", "payments-travellers-stuck", "payments-mirror-behind",
      "payments-bridge-stopped", "payments-queue-nearly-full", "payments-api-errors-minutes", "payments-not-ready", "payments-ray-head-down",
      "payments-unwatched", "payments-nodes-failing",
    ] : name if contains(keys(local.alarms), name)
  ]
}

resource "aws_cloudwatch_composite_alarm" "stop_deployment" {
  alarm_name        = "payments-stop-deployment"
  alarm_description = "A version that is being rolled out must go no further: the pipeline stops and rolls back. The alarm that fired says why."
  alarm_rule        = join(" OR ", [for name in local.stopping : "ALARM(\"${name}\")"])

  depends_on = [aws_cloudwatch_metric_alarm.this]
}
