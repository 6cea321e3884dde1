# The token endpoint has a public name of its own, so that the edge's firewall does not stand before it.
resource "aws_wafv2_web_acl" "tokens" {
  name        = "${var.name}-tokens"
  description = "Before the token endpoint: no known bad addresses, and no guessing of secrets"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "ip-reputation"
    priority = 10

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesAmazonIpReputationList"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-tokens-ip-reputation"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "known-bad-inputs"
    priority = 20

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesKnownBadInputsRuleSet"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-tokens-known-bad-inputs"
      sampled_requests_enabled   = true
    }
  }

  # A client needs a token an hour.
  rule {
    name     = "rate"
    priority = 30

    action {
      block {}
    }

    statement {
      rate_based_statement {
        limit                 = 100
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-tokens-rate"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "${var.name}-tokens"
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_association" "tokens" {
  resource_arn = aws_cognito_user_pool.this.arn
  web_acl_arn  = aws_wafv2_web_acl.tokens.arn
}

resource "aws_cloudwatch_log_group" "tokens" {
  # WAF writes only to groups that begin so.
  name              = "aws-waf-logs-${var.name}-tokens"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arns["logs"]
}

resource "aws_wafv2_web_acl_logging_configuration" "tokens" {
  resource_arn            = aws_wafv2_web_acl.tokens.arn
  log_destination_configs = [aws_cloudwatch_log_group.tokens.arn]

  # It holds the client's id and secret.
  redacted_fields {
    single_header {
      name = "authorization"
    }
  }
}
