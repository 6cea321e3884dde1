# Rules are asked in the order of their priority. Those of ours answer as the API does (a problem document), since clients act on it.
#
# WAF sees 64 KiB of a body at most. What is behind that is judged by the API alone, which takes nothing but strict JSON with known members.

locals {
  # The largest body that the API takes is 8 MiB (serve/limits.py): 8,388,608 bytes. WAF cannot compare a header with a number, so that this
  # matches a Content-Length above it, digit by digit. Bodies without a length end at the gateway's 10 MB, or at the API.
  body_too_large = "^0*([1-9][0-9]{7,}|9[0-9]{6}|8[4-9][0-9]{5}|839[0-9]{4}|8389[0-9]{3}|8388[7-9][0-9]{2}|83886[1-9][0-9]|8388609)$"

  # Rules of AWS's common group that count and do not block, and why.
  counted_rules = {
    SizeRestrictions_BODY        = "Blocks above 8 KB; a batch has up to 8 MiB. The rule body-too-large stands in for it."
    SizeRestrictions_QUERYSTRING = "Blocks above 2 KB; the API takes 8 KiB, for filters by metadata."
    CrossSiteScripting_BODY      = "A reference or a name may hold angle brackets; the API answers JSON, which no browser runs."
    NoUserAgent_HEADER           = "Clients are programs, and owe nobody the name of theirs."
  }
}

resource "aws_wafv2_web_acl" "this" {
  region = local.region

  name        = var.name
  description = "Before the API: ${var.domain}"
  scope       = "CLOUDFRONT"

  default_action {
    allow {}
  }

  association_config {
    request_body {
      cloudfront {
        default_size_inspection_limit = "KB_64"
      }
    }
  }

  rule {
    name     = "body-too-large"
    priority = 10

    action {
      block {
        custom_response {
          response_code            = 413
          custom_response_body_key = "body-too-large"
        }
      }
    }

    statement {
      regex_match_statement {
        regex_string = local.body_too_large

        field_to_match {
          single_header {
            name = "content-length"
          }
        }

        text_transformation {
          priority = 0
          type     = "NONE"
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-body-too-large"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "rate"
    priority = 20

    action {
      block {
        custom_response {
          response_code            = 429
          custom_response_body_key = "rate-limited"

          response_header {
            name  = "Retry-After"
            value = "60"
          }
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = var.requests_per_address
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate"
      sampled_requests_enabled   = true
    }
  }

  # Without credentials there is a description to read, and readiness to ask for: nobody needs that often.
  rule {
    name     = "anonymous-rate"
    priority = 25

    action {
      block {
        custom_response {
          response_code            = 429
          custom_response_body_key = "rate-limited"

          response_header {
            name  = "Retry-After"
            value = "60"
          }
        }
      }
    }

    statement {
      rate_based_statement {
        limit                 = 600
        evaluation_window_sec = 300
        aggregate_key_type    = "IP"

        scope_down_statement {
          not_statement {
            statement {
              size_constraint_statement {
                comparison_operator = "GT"
                size                = 0

                field_to_match {
                  single_header {
                    name = "authorization"
                  }
                }

                text_transformation {
                  priority = 0
                  type     = "NONE"
                }
              }
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-anonymous-rate"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "ip-reputation"
    priority = 30

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
      metric_name                = "${var.name}-ip-reputation"
      sampled_requests_enabled   = true
    }
  }

  # Nobody pays from behind Tor. Addresses of hosting providers only count: our clients' servers have them.
  rule {
    name     = "anonymous-addresses"
    priority = 35

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesAnonymousIpList"

        rule_action_override {
          name = "HostingProviderIPList"

          action_to_use {
            count {}
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-anonymous-addresses"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "known-bad-inputs"
    priority = 40

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
      metric_name                = "${var.name}-known-bad-inputs"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "common"
    priority = 50

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesCommonRuleSet"

        dynamic "rule_action_override" {
          for_each = local.counted_rules

          content {
            name = rule_action_override.key

            action_to_use {
              count {}
            }
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-common"
      sampled_requests_enabled   = true
    }
  }

  custom_response_body {
    key          = "body-too-large"
    content_type = "APPLICATION_JSON"
    content = jsonencode({
      type      = "/docs#problem-body_too_large"
      title     = "The body is too large"
      status    = 413
      detail    = "A body has at most 8388608 bytes."
      code      = "body_too_large"
      retryable = false
    })
  }

  custom_response_body {
    key          = "rate-limited"
    content_type = "APPLICATION_JSON"
    content = jsonencode({
      type      = "/docs#problem-rate_limited"
      title     = "Too many requests"
      status    = 429
      detail    = "Too many requests came from this address: wait, then send the same request again with the same key."
      code      = "rate_limited"
      retryable = true
    })
  }

  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = true
  }
}

resource "aws_wafv2_web_acl_logging_configuration" "this" {
  region = local.region

  resource_arn            = aws_wafv2_web_acl.this.arn
  log_destination_configs = [aws_cloudwatch_log_group.firewall.arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  redacted_fields {
    single_header {
      name = "x-api-key"
    }
  }

  # What passed without remark is in CloudFront's log.
  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      condition {
        action_condition {
          action = "BLOCK"
        }
      }

      condition {
        action_condition {
          action = "COUNT"
        }
      }

      condition {
        action_condition {
          action = "EXCLUDED_AS_COUNT"
        }
      }
    }
  }
}
