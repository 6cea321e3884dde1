# Clients' name stays where it is: CloudFront is in no region. What fails over is the origin's name behind it, whose records the regions keep
# themselves (module api): the primary's is withdrawn by the switch below, and the standby's is then the one that is left.
#
# Only people turn the switch. The ledger must have one writer: a standby whose database has not been promoted cannot take a payment, and a
# primary that comes back after the promotion must not. A check that fails over by itself would do both, for one shard's slow move.
#
# It lies in the standby's region, since the primary's may be gone: Route 53 reads the alarm's metric there. To withdraw the primary, put 1;
# to let it back, 0:
#   aws cloudwatch put-metric-data --region <standby> --namespace payments/failover \
#     --metric-name primary_withdrawn --dimensions Name=<name> --value 1

locals {
  failover_switch = {
    namespace   = "payments/failover"
    metric_name = "primary_withdrawn"
    dimensions  = { Name = var.name }
  }
}

resource "aws_cloudwatch_metric_alarm" "failover_switch" {
  #checkov:skip=CKV_AWS_319:A switch and no alarm: Route 53 alone acts on it.
  count = var.standby_region == null ? 0 : 1

  region              = var.standby_region
  alarm_name          = "${var.name}-failover-switch"
  alarm_description   = "In alarm: the primary's origin is withdrawn, requests go to the standby. Turned by hand alone."
  namespace           = local.failover_switch.namespace
  metric_name         = local.failover_switch.metric_name
  dimensions          = local.failover_switch.dimensions
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  # As it was left, so it stays.
  treat_missing_data = "ignore"
}

resource "aws_route53_health_check" "primary" {
  count = var.standby_region == null ? 0 : 1

  type                            = "CLOUDWATCH_METRIC"
  cloudwatch_alarm_name           = aws_cloudwatch_metric_alarm.failover_switch[0].alarm_name
  cloudwatch_alarm_region         = var.standby_region
  insufficient_data_health_status = "LastKnownStatus"

  tags = { Name = "${var.name}-primary" }
}

# What clients see, from all over the world and through everything on the way: the name, the certificate, the firewall, the gateway, and
# whether the ledger takes payments. For that it asks /readyz: /healthz would be green with no shard owned. A shard that moves is back within
# seconds, long before three failures in a row. People are told; nothing fails over by it.
resource "aws_route53_health_check" "public" {
  type              = "HTTPS"
  fqdn              = var.domain
  port              = 443
  resource_path     = "/readyz"
  enable_sni        = true
  measure_latency   = true
  request_interval  = 30
  failure_threshold = 3

  tags = { Name = "${var.name}-public" }
}
