data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

# Tokens for machines: each client has an id, a secret and scopes, and gets a token for an hour (client_credentials). There are no people in
# this pool. A pool lives in one region and its secrets cannot be copied: for the standby, clients have credentials of their own, or API
# keys, whose table is replicated.
resource "aws_cognito_user_pool" "this" {
  name                = var.name
  user_pool_tier      = "ESSENTIALS"
  deletion_protection = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  mfa_configuration   = "OFF"

  admin_create_user_config {
    allow_admin_create_user_only = true
  }

  # Nobody has a password; should anybody ever be given one, not a weak one.
  password_policy {
    minimum_length                   = 20
    require_lowercase                = true
    require_numbers                  = true
    require_symbols                  = true
    require_uppercase                = true
    temporary_password_validity_days = 1
  }
}

# The authorizer reads a scope as payments/<what>.
resource "aws_cognito_resource_server" "payments" {
  user_pool_id = aws_cognito_user_pool.this.id
  identifier   = "payments"
  name         = "Payments"

  scope {
    scope_name        = "read"
    scope_description = "Read accounts, payments and events"
  }

  scope {
    scope_name        = "pay"
    scope_description = "Make payments, capture, void and refund them; read"
  }

  scope {
    scope_name        = "operate"
    scope_description = "Open, freeze and close accounts, keep webhooks; read"
  }
}

# Cognito makes the secret, and the provider reads it into the state: whoever reads this environment's state, a plan of it or the pool
# (cognito-idp:DescribeUserPoolClient) has the secrets of all clients. README.md of terraform/ says who that is, and how a secret is changed.
# Made beside Terraform, they would be no more secret in the pool, and nobody would see a client that is one too many.
resource "aws_cognito_user_pool_client" "machine" {
  for_each = var.machine_clients

  user_pool_id                         = aws_cognito_user_pool.this.id
  name                                 = each.key
  generate_secret                      = true
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["client_credentials"]
  allowed_oauth_scopes                 = [for scope in each.value : "${aws_cognito_resource_server.payments.identifier}/${scope}"]
  explicit_auth_flows                  = ["ALLOW_REFRESH_TOKEN_AUTH"]
  enable_token_revocation              = true
  prevent_user_existence_errors        = "ENABLED"
  access_token_validity                = 60

  token_validity_units {
    access_token = "minutes"
  }
}

resource "aws_cognito_user_pool_domain" "this" {
  user_pool_id = aws_cognito_user_pool.this.id
  # These names are shared by all of AWS's customers.
  domain = "${var.name}-${data.aws_caller_identity.this.account_id}"
}
