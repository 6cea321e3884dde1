locals {
  api_dimensions = { ApiId = var.watched.api_id, Stage = var.watched.api_stage }
  api_errors = {
    errors   = { namespace = "AWS/ApiGateway", metric = "5xx", dimensions = local.api_dimensions, stat = "Sum" }
    requests = { namespace = "AWS/ApiGateway", metric = "Count", dimensions = local.api_dimensions, stat = "Sum" }
  }
  # Of a thousand requests one may fail. Below 20 requests a period one failure says nothing.
  api_burning = "IF(requests > 20, errors / requests, 0)"

  # How fast the month's budget of errors burns: 14.4 times as fast as it may uses up 2 % of it in an hour. The short window lets the alarm end
  # as soon as the fault has.
  all_api_alarms = {
    payments-api-errors-hour = {
      severity = "warning", summary = "The hour's share in payments-api-errors.", runbook = "PaymentsApiErrors", part = true
      metrics  = local.api_errors, expression = local.api_burning, period = 3600, periods = 1, threshold = 0.0144
    }
    payments-api-errors-minutes = {
      severity = "warning", summary = "The last minutes' share in payments-api-errors.", runbook = "PaymentsApiErrors", part = true
      metrics  = local.api_errors, expression = local.api_burning, period = 300, periods = 1, threshold = 0.0144
    }
    payments-api-error-budget = {
      severity = "warning", summary = "Within a day a tenth of the month's budget of errors was used up."
      metrics  = local.api_errors, expression = local.api_burning, period = 86400, periods = 1, threshold = 0.003
    }
    payments-api-slow = {
      severity = "warning", summary = "More than one request of a hundred takes over 0.2 s."
      metrics  = { latency = { namespace = "AWS/ApiGateway", metric = "Latency", dimensions = local.api_dimensions, stat = "p99" } }
      period   = 300, periods = 6, threshold = 200
    }
    payments-not-ready = {
      severity = "critical", summary = "Behind the load balancer no replica of the API is up."
      metrics = { ready = {
        namespace  = "AWS/ApplicationELB", metric = "HealthyHostCount", stat = "Maximum"
        dimensions = { LoadBalancer = var.watched.load_balancer, TargetGroup = var.watched.target_group }
      } }
      period = 60, periods = 2, threshold = 1, below = true, missing = "breaching"
    }
  }

  # Nobody is ready in a standby region until it is made the primary.
  api_alarms = { for name, alarm in local.all_api_alarms : name => alarm if name != "payments-not-ready" || var.role == "primary" }

  composites = {
    payments-api-errors = {
      severity = "critical", summary = "Requests fail 14.4 times as often as the month's budget allows."
      rule     = "ALARM(\"payments-api-errors-hour\") AND ALARM(\"payments-api-errors-minutes\")"
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "this" {
  for_each = local.composites

  alarm_name        = each.key
  alarm_description = local.descriptions[each.key]
  alarm_rule        = each.value.rule
  alarm_actions     = [module.alerts.topic_arn]
  ok_actions        = [module.alerts.topic_arn]

  depends_on = [aws_cloudwatch_metric_alarm.this]
}
