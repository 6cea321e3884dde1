mock_provider "aws" {
  mock_resource "aws_acm_certificate" {
    defaults = {
      domain_validation_options = [{
        domain_name           = "api.example.com"
        resource_record_name  = "_proof.api.example.com"
        resource_record_type  = "CNAME"
        resource_record_value = "_proof.acm-validations.aws"
      }]
    }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  name                          = "payments-staging"
  domain                        = "api.example.com"
  zone_id                       = "Z1"
  key_arns                      = { logs = "arn:aws:kms:eu-central-1:123456789012:key/logs" }
  origin_domain                 = "origin.api.example.com"
  origin_client_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
}

run "nothing_is_kept_at_the_edge" {
  command = plan

  assert {
    condition     = data.aws_cloudfront_cache_policy.disabled.name == "Managed-CachingDisabled" && length(aws_cloudfront_distribution.this.ordered_cache_behavior) == 0
    error_message = "No answer is cached, on no path."
  }
  assert {
    condition     = alltrue([for kept in aws_cloudfront_distribution.this.custom_error_response : kept.error_caching_min_ttl == 0]) && contains([for kept in aws_cloudfront_distribution.this.custom_error_response : kept.error_code], 404)
    error_message = "Nor is an error, which CloudFront would keep for 10 seconds by itself."
  }
}

run "the_gateway_knows_cloudfront_and_gets_credentials" {
  command = plan

  assert {
    condition     = one([for origin in aws_cloudfront_distribution.this.origin : origin.custom_origin_config[0].origin_mtls_config[0].client_certificate_arn]) == var.origin_client_certificate_arn
    error_message = "CloudFront shows its client certificate."
  }
  assert {
    condition     = one([for origin in aws_cloudfront_distribution.this.origin : origin.custom_origin_config[0].origin_protocol_policy]) == "https-only" && aws_cloudfront_distribution.this.default_cache_behavior[0].viewer_protocol_policy == "https-only" && aws_cloudfront_distribution.this.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "TLS on both sides, and no older than 1.2."
  }
  assert {
    condition     = data.aws_cloudfront_origin_request_policy.all.name == "Managed-AllViewerExceptHostHeader"
    error_message = "Authorization goes on by the policies of AWS alone that forward everything; without it every call is refused."
  }
}

run "the_firewall_agrees_with_the_api_about_bodies" {
  command = plan

  assert {
    condition     = alltrue([for bytes in ["0", "1", "200000", "7999999", "8379999", "8388599", "8388608"] : length(regexall(local.body_too_large, bytes)) == 0])
    error_message = "What the API takes is let through."
  }
  assert {
    condition     = alltrue([for bytes in ["8388609", "8388610", "8388700", "8389000", "8390000", "8400000", "9000000", "10000000", "99999999999", "0008388609"] : length(regexall(local.body_too_large, bytes)) == 1])
    error_message = "What the API does not take ends here."
  }
  assert {
    condition     = contains(keys(local.counted_rules), "SizeRestrictions_BODY")
    error_message = "AWS's own limit of 8 KB must not stop batches."
  }
}

run "rules_are_asked_in_order_and_logged" {
  command = plan

  assert {
    condition     = length(distinct([for rule in aws_wafv2_web_acl.this.rule : rule.priority])) == length(aws_wafv2_web_acl.this.rule)
    error_message = "No two rules have one priority."
  }
  assert {
    condition = toset([for rule in aws_wafv2_web_acl.this.rule : rule.name]) == toset([
      "body-too-large", "rate", "anonymous-rate", "ip-reputation", "anonymous-addresses", "known-bad-inputs", "common",
    ])
    error_message = "These are the rules, neither more nor less."
  }
  assert {
    condition     = toset(flatten(aws_wafv2_web_acl_logging_configuration.this.redacted_fields[*].single_header[*].name)) == toset(["authorization", "x-api-key"])
    error_message = "The firewall's log holds no credential."
  }
  assert {
    condition     = aws_wafv2_web_acl.this.scope == "CLOUDFRONT" && alltrue([for region in [aws_wafv2_web_acl.this.region, aws_acm_certificate.this.region, aws_cloudwatch_log_delivery_source.access_logs.region] : region == "us-east-1"])
    error_message = "CloudFront takes its firewall, certificate and logs from us-east-1."
  }
}

run "who_asked_is_kept_in_the_region_of_the_ledger" {
  command = plan

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.access_logs.rule[*].apply_server_side_encryption_by_default[0].kms_master_key_id) == var.key_arns["logs"]
    error_message = "The log of requests lies where its key is."
  }
  assert {
    condition     = aws_cloudwatch_log_group.firewall.region == "us-east-1" && aws_kms_key.firewall.region == "us-east-1"
    error_message = "WAF writes only where it is itself."
  }
}

run "readiness_is_asked_through_the_front_door" {
  command = plan

  assert {
    condition     = aws_route53_health_check.public.fqdn == "api.example.com" && aws_route53_health_check.public.resource_path == "/readyz" && aws_route53_health_check.public.type == "HTTPS"
    error_message = "Whether payments are taken, as clients would find out."
  }
  assert {
    condition     = length(aws_route53_health_check.primary) == 0 && output.primary_health_check_id == null
    error_message = "Without a standby there is no switch."
  }
}

run "only_the_switch_fails_over" {
  command = plan

  variables {
    standby_region = "eu-west-1"
  }

  assert {
    condition     = aws_route53_health_check.primary[0].type == "CLOUDWATCH_METRIC" && aws_route53_health_check.primary[0].cloudwatch_alarm_region == "eu-west-1" && aws_route53_health_check.primary[0].insufficient_data_health_status == "LastKnownStatus"
    error_message = "Route 53 follows the switch in the standby's region, and stays where it was left."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.failover_switch[0].region == "eu-west-1" && aws_cloudwatch_metric_alarm.failover_switch[0].treat_missing_data == "ignore"
    error_message = "The switch lies with the standby, and keeps its position."
  }
}

run "a_certificate_of_another_region_is_refused" {
  command = plan

  variables {
    origin_client_certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
  }

  expect_failures = [var.origin_client_certificate_arn]
}
