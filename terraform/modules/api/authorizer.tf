# Clients send a token or an API key as `Authorization: Bearer …`. The authorizer knows the header X-Api-Key too, but an answer can only be
# kept under a header that every request has.
resource "aws_apigatewayv2_authorizer" "this" {
  api_id                            = aws_apigatewayv2_api.this.id
  name                              = "${var.name}-authorizer"
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = var.authorizer.invoke_arn
  authorizer_payload_format_version = "2.0"
  enable_simple_responses           = true
  # Without the route among them, leave to read would be kept as leave to pay.
  identity_sources = ["$request.header.Authorization", "$context.routeKey"]
  # How long a key that was taken back may still pass.
  authorizer_result_ttl_in_seconds = 60
}

resource "aws_lambda_permission" "authorizer" {
  statement_id  = "${var.name}-gateway"
  action        = "lambda:InvokeFunction"
  function_name = var.authorizer.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/authorizers/${aws_apigatewayv2_authorizer.this.id}"
}
