# What all alarms have in common. The files alarms_*.tf say what is looked at and when it is too much: `metrics` by id, `expression` over
# them (else the only metric itself; a query that begins with SELECT finds its metrics by itself), `period` in seconds, `periods` that are looked at, of which `fired` (else all) must be beyond
# `threshold`. `missing`: what no data means; "breaching" where silence is itself the fault.
locals {
  alarms = merge(
    local.ledger_alarms,
    local.api_alarms,
    local.database_alarms,
    local.events_alarms,
    local.cluster_alarms,
    local.standby_alarms,
    local.backup_alarms,
  )

  described = merge(local.alarms, local.edge_alarms, local.composites)

  # An alarm's runbook has its name, unless several share one.
  runbooks = { for name, alarm in local.described : name => try(alarm.runbook, join("", [for word in split("-", name) : title(word)])) }

  # Severity first: the pager's subscription looks at it.
  descriptions = {
    for name, alarm in local.described :
    name => "${alarm.severity}: ${alarm.summary} ${var.runbooks_url}/${local.runbooks[name]}.md"
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = each.key
  alarm_description   = local.descriptions[each.key]
  comparison_operator = try(each.value.below, false) ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = try(each.value.fired, each.value.periods)
  treat_missing_data  = try(each.value.missing, "notBreaching")
  # Parts of a composite alarm are quiet by themselves.
  alarm_actions = try(each.value.part, false) ? [] : [module.alerts.topic_arn]
  ok_actions    = try(each.value.part, false) ? [] : [module.alerts.topic_arn]

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = !can(each.value.expression)

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.metric
        dimensions  = try(metric_query.value.dimensions, {})
        stat        = metric_query.value.stat
        period      = each.value.period
      }
    }
  }

  dynamic "metric_query" {
    for_each = can(each.value.expression) ? [each.value.expression] : []

    content {
      id          = "judged"
      expression  = metric_query.value
      label       = each.key
      period      = startswith(metric_query.value, "SELECT ") ? each.value.period : null
      return_data = true
    }
  }
}
