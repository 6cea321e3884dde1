locals {
  root_id = one(aws_organizations_organization.this.roots[*].id)

  # Which unit an account is in decides which policies hold for it.
  units = {
    security   = aws_organizations_organizational_unit.security.id
    shared     = aws_organizations_organizational_unit.infrastructure.id
    staging    = aws_organizations_organizational_unit.staging.id
    production = aws_organizations_organizational_unit.production.id
  }
}

resource "aws_organizations_organizational_unit" "security" {
  name      = "security"
  parent_id = local.root_id
}

resource "aws_organizations_organizational_unit" "infrastructure" {
  name      = "infrastructure"
  parent_id = local.root_id
}

resource "aws_organizations_organizational_unit" "workloads" {
  name      = "workloads"
  parent_id = local.root_id
}

resource "aws_organizations_organizational_unit" "staging" {
  name      = "staging"
  parent_id = aws_organizations_organizational_unit.workloads.id
}

resource "aws_organizations_organizational_unit" "production" {
  name      = "production"
  parent_id = aws_organizations_organizational_unit.workloads.id
}

resource "aws_organizations_account" "this" {
  for_each = var.accounts

  name      = "payments-${each.key}"
  email     = each.value.email
  parent_id = local.units[each.key]
  # Only for the first steps in a new account; from then on payments-deploy does the work.
  role_name                  = "OrganizationAccountAccessRole"
  iam_user_access_to_billing = "DENY"
  close_on_deletion          = false

  lifecycle {
    prevent_destroy = true
    # AWS does not tell these again, so they would look changed after an import.
    ignore_changes = [role_name, iam_user_access_to_billing]
  }
}
