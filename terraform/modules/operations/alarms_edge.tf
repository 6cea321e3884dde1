# Where CloudFront's figures are. `region` and not a second provider: one argument less for whoever calls this module.
locals {
  edge_alarms = merge([for edge in var.edge[*] : merge(
    {
      payments-requests-blocked = {
        severity = "warning", summary = "The firewall blocks far more requests than it usually does."
        metric   = { namespace = "AWS/WAFV2", name = "BlockedRequests", stat = "Sum", dimensions = { WebACL = edge.web_acl_name, Rule = "ALL" } }
        period   = 300, periods = 2, threshold = var.thresholds.blocked_requests, below = false
      }
      payments-edge-errors = {
        severity = "warning", summary = "CloudFront answers more than one request of a hundred with an error of the origin's.", runbook = "PaymentsApiErrors"
        metric = {
          namespace  = "AWS/CloudFront", name = "5xxErrorRate", stat = "Average"
          dimensions = { DistributionId = edge.distribution_id, Region = "Global" }
        }
        period = 300, periods = 2, threshold = 1, below = false
      }
      payments-origin-certificate-expiring = {
        severity = "warning", summary = "CloudFront's client certificate ends within 45 days, and the API with it."
        metric = {
          namespace  = "AWS/CertificateManager", name = "DaysToExpiry", stat = "Minimum"
          dimensions = { CertificateArn = edge.client_certificate_arn }
        }
        period = 86400, periods = 1, threshold = 45, below = true
      }
    },
    {
      for name, id in edge.health_check_ids : "payments-not-ready-from-${name}" => {
        severity = "critical", summary = "Seen from outside, ${name} is not ready.", runbook = "PaymentsNotReady"
        metric   = { namespace = "AWS/Route53", name = "HealthCheckStatus", stat = "Minimum", dimensions = { HealthCheckId = id } }
        period   = 60, periods = 3, threshold = 1, below = true
      }
    },
  )]...)
}

resource "aws_cloudwatch_metric_alarm" "edge" {
  for_each = local.edge_alarms

  region = local.edge_region

  alarm_name          = each.key
  alarm_description   = local.descriptions[each.key]
  namespace           = each.value.metric.namespace
  metric_name         = each.value.metric.name
  dimensions          = each.value.metric.dimensions
  statistic           = each.value.metric.stat
  period              = each.value.period
  evaluation_periods  = each.value.periods
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = each.value.below ? "breaching" : "notBreaching"
  alarm_actions       = [module.edge_alerts[0].topic_arn]
  ok_actions          = [module.edge_alerts[0].topic_arn]
}
