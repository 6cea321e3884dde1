resource "aws_xray_encryption_config" "this" {
  type   = "KMS"
  key_id = var.key_arns["logs"]
}

# One trace a second from everything, so that rare routes are seen, and then one of a hundred: a trace costs as much as ten payments.
resource "aws_xray_sampling_rule" "payments" {
  rule_name      = "${var.name}-payments"
  priority       = 100
  version        = 1
  reservoir_size = 1
  fixed_rate     = 0.01
  host           = "*"
  http_method    = "*"
  resource_arn   = "*"
  service_name   = "*"
  service_type   = "*"
  url_path       = "*"
}

resource "aws_xray_group" "failing" {
  group_name        = "${var.name}-failing"
  filter_expression = "fault = true OR responsetime > 1"

  insights_configuration {
    insights_enabled      = true
    notifications_enabled = false
  }
}
