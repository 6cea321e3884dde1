# The security account watches all others; the management account stays empty and is seldom entered.
locals {
  security_account_id = aws_organizations_account.this["security"].id
}

resource "aws_guardduty_organization_admin_account" "this" {
  for_each = toset(var.regions)

  region           = each.key
  admin_account_id = local.security_account_id

  depends_on = [aws_organizations_organization.this]
}

# Its central configuration reaches the other region from the first.
resource "aws_securityhub_organization_admin_account" "this" {
  for_each = toset(var.regions)

  region           = each.key
  admin_account_id = local.security_account_id

  depends_on = [aws_organizations_organization.this]
}

# Through CloudTrail itself and not through Organizations, because only that makes the role which CloudTrail needs in the management account.
resource "aws_cloudtrail_organization_delegated_admin_account" "this" {
  account_id = local.security_account_id

  depends_on = [aws_organizations_organization.this]
}

resource "aws_organizations_delegated_administrator" "this" {
  for_each = toset(["access-analyzer.amazonaws.com", "config.amazonaws.com"])

  account_id        = local.security_account_id
  service_principal = each.key
}
