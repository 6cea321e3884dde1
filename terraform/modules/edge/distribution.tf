# CloudFront is here for what it does before a request reaches a region (TLS near the client, the firewall, floods), not for its cache:
# an answer about money is true for one client at one moment.

data "aws_cloudfront_cache_policy" "disabled" {
  name = "Managed-CachingDisabled"
}

# All that the client sent, less the host name: the gateway knows its own. It is AWS's policy and none of ours, since for AWS's it is
# documented that `Authorization` goes with the rest where nothing is cached. A policy of ours may not name that header, and of one that leaves
# out a few of all headers nobody says whether it is among what is left. A client's own Payments-Client comes through: the gateway writes over it
# (module api). So do cookies, which nobody behind reads.
data "aws_cloudfront_origin_request_policy" "all" {
  name = "Managed-AllViewerExceptHostHeader"
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_310:An origin group repeats reads only, never a payment; Route 53 moves the origin's name instead.
  #checkov:skip=CKV_AWS_374:Who may not be paid is decided by account, not by the country of an address.
  #checkov:skip=CKV_AWS_305:It is an API; there is no page at the root.
  #checkov:skip=CKV_AWS_86:The newer standard logging is on (logs.tf), which this check does not know.
  comment             = "${var.name}: ${var.domain}"
  enabled             = true
  aliases             = [var.domain]
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  price_class         = "PriceClass_All"
  web_acl_id          = aws_wafv2_web_acl.this.arn
  wait_for_deployment = true

  origin {
    origin_id   = "gateway"
    domain_name = var.origin_domain

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
      # Longer than the gateway's 30 seconds, so that its answer arrives and not CloudFront's own.
      origin_read_timeout      = 35
      origin_keepalive_timeout = 60

      origin_mtls_config {
        client_certificate_arn = var.origin_client_certificate_arn
      }
    }
  }

  default_cache_behavior {
    target_origin_id = "gateway"
    allowed_methods  = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
    cached_methods   = ["GET", "HEAD"]
    compress         = false
    # No redirect: a token that was sent in the clear is lost, and its sender must notice.
    viewer_protocol_policy     = "https-only"
    cache_policy_id            = data.aws_cloudfront_cache_policy.disabled.id
    origin_request_policy_id   = data.aws_cloudfront_origin_request_policy.all.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id
  }

  # CloudFront keeps errors for 10 seconds even where it caches nothing: a payment just made would stay "not found", for everybody.
  dynamic "custom_error_response" {
    for_each = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.this.certificate_arn
    minimum_protocol_version = "TLSv1.2_2021"
    ssl_support_method       = "sni-only"
  }
}

resource "aws_cloudfront_response_headers_policy" "this" {
  #checkov:skip=CKV_AWS_259:Whether browsers preload the rule is for the owner of the whole domain to decide; ours lasts two years.
  name    = var.name
  comment = "For answers that no browser should make anything of"

  security_headers_config {
    strict_transport_security {
      access_control_max_age_sec = 63072000
      include_subdomains         = true
      override                   = true
    }

    content_type_options {
      override = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }

    # The page of the documentation brings its own.
    content_security_policy {
      content_security_policy = "default-src 'none'; frame-ancestors 'none'"
      override                = false
    }
  }

  remove_headers_config {
    items {
      header = "Server"
    }
  }
}
