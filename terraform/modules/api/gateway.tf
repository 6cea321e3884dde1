# An HTTP API and not a REST API: a third of the price for each request (one payment is one request), less time on the way, an overwriting
# header mapping, and answers of the authorizer that can be kept by route. What a REST API has more is found elsewhere: the web ACL stands at
# CloudFront, and nobody comes around it, since the gateway's only name demands the client certificate that CloudFront alone has.
# The price: answers end after 30 seconds, so that `GET /v1/events/stream` is not offered here (see routes.tf).

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = "Payments and accounts"
  protocol_type = "HTTP"

  # Its own name would be a way around the firewall.
  disable_execute_api_endpoint = true
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    # Who, what, how long, and why not; no token and no body. The address is CloudFront's: the client's is in CloudFront's log.
    format = jsonencode({
      requestId          = "$context.requestId"
      time               = "$context.requestTimeEpoch"
      address            = "$context.identity.sourceIp"
      client             = "$context.authorizer.client"
      tenant             = "$context.authorizer.tenant"
      routeKey           = "$context.routeKey"
      status             = "$context.status"
      responseBytes      = "$context.responseLength"
      latency            = "$context.responseLatency"
      integrationLatency = "$context.integrationLatency"
      integrationStatus  = "$context.integrationStatus"
      integrationError   = "$context.integrationErrorMessage"
      authorizerError    = "$context.authorizer.error"
      error              = "$context.error.message"
    })
  }

  default_route_settings {
    detailed_metrics_enabled = true
    throttling_rate_limit    = var.throttling.open.rate
    throttling_burst_limit   = var.throttling.open.burst
  }

  dynamic "route_settings" {
    for_each = local.routes

    content {
      route_key                = route_settings.key
      detailed_metrics_enabled = true
      throttling_rate_limit    = var.throttling[route_settings.value].rate
      throttling_burst_limit   = var.throttling[route_settings.value].burst
    }
  }

  depends_on = [aws_apigatewayv2_route.this]
}

resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/apigateway/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arns["logs"]
}
