output "api_id" {
  description = "Id of the HTTP API."
  value       = aws_apigatewayv2_api.this.id
}

output "api_endpoint" {
  description = "The gateway's only address, which takes nobody but CloudFront."
  value       = "https://${aws_apigatewayv2_domain_name.origin.domain_name}"
}

output "stage" {
  description = "Name of the stage."
  value       = aws_apigatewayv2_stage.this.name
}

output "user_pool_id" {
  description = "Id of the user pool."
  value       = aws_cognito_user_pool.this.id
}

output "user_pool_endpoint" {
  description = "Issuer of tokens, as the authorizer's TOKEN_ISSUER wants it."
  value       = "https://${aws_cognito_user_pool.this.endpoint}"
}

output "token_endpoint" {
  description = "Where machine clients fetch their tokens."
  value       = "https://${aws_cognito_user_pool_domain.this.domain}.auth.${data.aws_region.this.region}.amazoncognito.com/oauth2/token"
}

output "machine_client_ids" {
  description = "Client => its id; the authorizer's TOKEN_CLIENTS are these ids. Their secrets are no output: whoever gives them to a client reads them from Cognito."
  value       = { for name, client in aws_cognito_user_pool_client.machine : name => client.id }
}

output "scopes" {
  description = "Scopes that tokens can have."
  value       = aws_cognito_resource_server.payments.scope_identifiers
}

output "access_log_group_name" {
  description = "Log group of the gateway's access log."
  value       = aws_cloudwatch_log_group.access.name
}
