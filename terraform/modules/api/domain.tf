# The gateway's only name. A TLS handshake without a certificate of ours fails: what does not come from our CloudFront distribution reaches
# neither the firewall's back door nor the authorizer nor the routes' throttling.
resource "aws_apigatewayv2_domain_name" "origin" {
  domain_name = var.origin_domain

  domain_name_configuration {
    certificate_arn = aws_acm_certificate_validation.origin.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  mutual_tls_authentication {
    truststore_uri     = "s3://${aws_s3_object.trust_store.bucket}/${aws_s3_object.trust_store.key}"
    truststore_version = aws_s3_object.trust_store.version_id
  }
}

resource "aws_apigatewayv2_api_mapping" "origin" {
  api_id      = aws_apigatewayv2_api.this.id
  domain_name = aws_apigatewayv2_domain_name.origin.id
  stage       = aws_apigatewayv2_stage.this.id
}

# Each region adds its own record to the name that both share, so that neither needs the other's state.
resource "aws_route53_record" "origin" {
  zone_id         = var.zone_id
  name            = var.origin_domain
  type            = "A"
  set_identifier  = var.failover == null ? null : var.name
  health_check_id = var.failover == null ? null : var.failover.health_check_id

  alias {
    name    = aws_apigatewayv2_domain_name.origin.domain_name_configuration[0].target_domain_name
    zone_id = aws_apigatewayv2_domain_name.origin.domain_name_configuration[0].hosted_zone_id
    # It would only say that API Gateway exists.
    evaluate_target_health = false
  }

  dynamic "failover_routing_policy" {
    for_each = var.failover == null ? [] : [var.failover.type]

    content {
      type = failover_routing_policy.value
    }
  }
}

resource "aws_acm_certificate" "origin" {
  domain_name       = var.origin_domain
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "origin_certificate" {
  zone_id = var.zone_id
  name    = one(aws_acm_certificate.origin.domain_validation_options[*].resource_record_name)
  type    = one(aws_acm_certificate.origin.domain_validation_options[*].resource_record_type)
  records = aws_acm_certificate.origin.domain_validation_options[*].resource_record_value
  ttl     = 300
  # The proof is the same for an account's certificates of one name in all regions: the second region finds it there.
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "origin" {
  certificate_arn         = aws_acm_certificate.origin.arn
  validation_record_fqdns = [aws_route53_record.origin_certificate.fqdn]
}
