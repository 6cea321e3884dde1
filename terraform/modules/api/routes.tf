# Every route by its name and none by a pattern: an answer of the authorizer is kept by route, and may depend on the route alone.
#
# Not offered here are the routes for those who run the ledger (/healthz, /startedz, /metrics, /v1/shards, /v1/shards/digests, /v1/audit, /v1/bridges,
# /v1/dead-letters), who have a way into the cluster, and GET /v1/events/stream, which outlives the gateway's 30 seconds: from outside,
# events are read page by page (GET /v1/events) or come by webhook.

locals {
  routes_by_class = {
    payments = [
      "POST /v1/payments",
      "POST /v1/payments/{id}/capture",
      "POST /v1/payments/{id}/refunds",
      "POST /v1/payments/{id}/reversal",
      "POST /v1/payments/{id}/void",
    ]
    batches = [
      "POST /v1/payments/batch",
      "POST /v1/payments/batch/capture",
      "POST /v1/payments/batch/refunds",
      "POST /v1/payments/batch/void",
    ]
    reads = [
      "GET /v1/accounts/{id}",
      "GET /v1/accounts/{id}/balances",
      "GET /v1/accounts/{id}/entries",
      "GET /v1/accounts/{id}/statement",
      "GET /v1/currencies",
      "GET /v1/events",
      "GET /v1/events/schemas",
      "GET /v1/events/schemas/{id}",
      "GET /v1/ledger/totals",
      "GET /v1/payments",
      "GET /v1/payments/{id}",
      "GET /v1/webhooks",
      "GET /v1/webhooks/{id}",
      "GET /v1/webhooks/{id}/deliveries",
    ]
    operations = [
      "POST /v1/accounts",
      "POST /v1/accounts/{id}/close",
      "POST /v1/accounts/{id}/freeze",
      "POST /v1/accounts/{id}/unfreeze",
      "POST /v1/webhooks",
      "POST /v1/webhooks/{id}",
      "POST /v1/webhooks/{id}/deliveries/redeliver",
      "POST /v1/webhooks/{id}/rotate",
      "POST /v1/webhooks/{id}/test",
      "DELETE /v1/webhooks/{id}",
    ]
    # For everybody: what the API looks like, and whether it is ready (Route 53 asks that through the edge).
    open = [
      "GET /docs",
      "GET /openapi.json",
      "GET /readyz",
    ]
  }
  routes = merge([for class, keys in local.routes_by_class : { for key in keys : key => class }]...)
}

resource "aws_apigatewayv2_route" "this" {
  #checkov:skip=CKV_AWS_309:All routes have the authorizer but those of the class open, which are there to be read by everybody.
  for_each = local.routes

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.ledger[each.value == "open" ? "anonymous" : "known"].id}"
  authorization_type = each.value == "open" ? "NONE" : "CUSTOM"
  authorizer_id      = each.value == "open" ? null : aws_apigatewayv2_authorizer.this.id
}

# The ledger counts a client's requests by the header Payments-Client and believes it: whatever the client has sent there is overwritten. Nothing before this does: CloudFront hands all headers on.
resource "aws_apigatewayv2_integration" "ledger" {
  for_each = {
    known     = "$context.authorizer.client"
    anonymous = "anonymous"
  }

  api_id               = aws_apigatewayv2_api.this.id
  description          = "The ledger's API, for clients that are ${each.key}"
  integration_type     = "HTTP_PROXY"
  integration_method   = "ANY"
  integration_uri      = var.ingress_listener_arn
  connection_type      = "VPC_LINK"
  connection_id        = aws_apigatewayv2_vpc_link.this.id
  timeout_milliseconds = 30000
  request_parameters   = { "overwrite:header.Payments-Client" = each.value }

  tls_config {
    server_name_to_verify = var.ingress_domain
  }
}
