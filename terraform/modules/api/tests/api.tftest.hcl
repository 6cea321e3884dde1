mock_provider "aws" {
  mock_resource "aws_acm_certificate" {
    defaults = {
      domain_validation_options = [{
        domain_name           = "origin.api.example.com"
        resource_record_name  = "_proof.origin.api.example.com"
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
  name                      = "payments-staging"
  vpc_id                    = "vpc-1"
  private_subnet_ids        = ["subnet-a", "subnet-b", "subnet-c"]
  ingress_listener_arn      = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/payments/1/2"
  ingress_domain            = "ingress.staging.example.com"
  ingress_security_group_id = "sg-ingress"
  key_arns                  = { logs = "arn:aws:kms:eu-central-1:123456789012:key/logs" }
  authorizer                = { function_name = "authorizer", invoke_arn = "arn:aws:apigateway:eu-central-1:lambda:path/x" }
  zone_id                   = "Z1"
  origin_domain             = "origin.api.example.com"
  origin_client_ca_pem      = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
  machine_clients           = { shop = ["pay"], backoffice = ["read", "operate"] }
}

run "nobody_comes_around_the_firewall" {
  command = plan

  assert {
    condition     = aws_apigatewayv2_api.this.disable_execute_api_endpoint
    error_message = "The gateway's own name is off."
  }
  assert {
    condition     = length(aws_apigatewayv2_domain_name.origin.mutual_tls_authentication) == 1 && aws_s3_object.trust_store.content == var.origin_client_ca_pem
    error_message = "The one name that is left demands CloudFront's client certificate."
  }
  assert {
    condition     = aws_apigatewayv2_domain_name.origin.domain_name_configuration[0].security_policy == "TLS_1_2" && aws_s3_bucket_versioning.trust_store.versioning_configuration[0].status == "Enabled"
    error_message = "TLS 1.2 or newer; the trust store's versions are kept."
  }
  assert {
    condition     = length(aws_apigatewayv2_api.this.cors_configuration) == 0
    error_message = "Browsers of other sites have no business here."
  }
}

run "every_route_is_authorized_and_throttled" {
  command = plan

  assert {
    condition     = toset([for key, route in aws_apigatewayv2_route.this : key if route.authorization_type != "CUSTOM"]) == toset(["GET /docs", "GET /openapi.json", "GET /readyz"])
    error_message = "Only what everybody may read is open."
  }
  assert {
    condition     = toset([for settings in aws_apigatewayv2_stage.this.route_settings : settings.route_key]) == toset(keys(aws_apigatewayv2_route.this))
    error_message = "Every route has its own throttling."
  }
  assert {
    condition     = !anytrue([for key in keys(aws_apigatewayv2_route.this) : strcontains(key, "{proxy+}") || strcontains(key, "ANY ") || strcontains(key, "$default")])
    error_message = "No patterns: the authorizer's answers are kept by route."
  }
  assert {
    condition     = contains(aws_apigatewayv2_authorizer.this.identity_sources, "$context.routeKey") && contains(aws_apigatewayv2_authorizer.this.identity_sources, "$request.header.Authorization")
    error_message = "An answer is kept for one credential and one route."
  }
  assert {
    condition     = aws_apigatewayv2_authorizer.this.authorizer_result_ttl_in_seconds <= 60
    error_message = "A key that was taken back passes no longer than a minute."
  }
}

run "clients_cannot_say_who_they_are" {
  command = plan

  assert {
    condition     = { for key, integration in aws_apigatewayv2_integration.ledger : key => integration.request_parameters["overwrite:header.Payments-Client"] } == { known = "$context.authorizer.client", anonymous = "anonymous" }
    error_message = "Payments-Client is overwritten on every way in: rate limits believe it."
  }
  assert {
    condition     = alltrue([for integration in aws_apigatewayv2_integration.ledger : integration.connection_type == "VPC_LINK" && integration.tls_config[0].server_name_to_verify == var.ingress_domain])
    error_message = "The gateway speaks TLS to the load balancer and checks its name."
  }
}

run "tokens_are_for_machines_with_the_scopes_that_the_authorizer_knows" {
  command = plan

  assert {
    condition     = toset([for scope in aws_cognito_resource_server.payments.scope : "${aws_cognito_resource_server.payments.identifier}/${scope.scope_name}"]) == toset(["payments/read", "payments/pay", "payments/operate"])
    error_message = "These are the authorizer's scopes."
  }
  assert {
    condition     = aws_cognito_user_pool_client.machine["shop"].allowed_oauth_scopes == toset(["payments/pay"]) && aws_cognito_user_pool_client.machine["shop"].allowed_oauth_flows == toset(["client_credentials"]) && aws_cognito_user_pool_client.machine["shop"].generate_secret
    error_message = "A client gets the scopes that it was given, by client_credentials alone."
  }
  assert {
    condition     = aws_cognito_user_pool.this.deletion_protection == "ACTIVE" && aws_cognito_user_pool.this.admin_create_user_config[0].allow_admin_create_user_only
    error_message = "The pool is kept, and nobody signs himself up."
  }
}

run "the_log_says_who_but_holds_no_credential" {
  command = plan

  assert {
    condition     = jsondecode(aws_apigatewayv2_stage.this.access_log_settings[0].format).client == "$context.authorizer.client" && !strcontains(aws_apigatewayv2_stage.this.access_log_settings[0].format, "header")
    error_message = "The access log names the client and no header."
  }
  assert {
    condition     = aws_cloudwatch_log_group.access.kms_key_id == var.key_arns["logs"] && aws_wafv2_web_acl_logging_configuration.tokens.redacted_fields[0].single_header[0].name == "authorization"
    error_message = "Logs are encrypted with our key, and the firewall's hold no secrets."
  }
}

run "a_region_alone_has_a_plain_record" {
  command = plan

  assert {
    condition     = length(aws_route53_record.origin.failover_routing_policy) == 0 && aws_route53_record.origin.set_identifier == null
    error_message = "Without a second region there is nothing to fail over to."
  }
}

run "a_primary_can_be_withdrawn" {
  command = plan

  variables {
    failover = { type = "PRIMARY", health_check_id = "check-1" }
  }

  assert {
    condition     = aws_route53_record.origin.failover_routing_policy[0].type == "PRIMARY" && aws_route53_record.origin.health_check_id == "check-1" && aws_route53_record.origin.set_identifier == "payments-staging"
    error_message = "The primary's record is withdrawn by its health check."
  }
}

run "unknown_scopes_are_refused" {
  command = plan

  variables {
    machine_clients = { shop = ["admin"] }
  }

  expect_failures = [var.machine_clients]
}

run "private_keys_are_refused" {
  command = plan

  variables {
    origin_client_ca_pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n"
  }

  expect_failures = [var.origin_client_ca_pem]
}
