locals {
  regions = ["eu-central-1", "eu-west-1"]
}

module "detection" {
  source = "../../modules/detection"

  organization_id       = var.organization_id
  root_id               = var.root_id
  management_account_id = var.management_account_id
  regions               = local.regions
  # Ten years, as for books of account.
  trail_retention_days = 3650
}

module "account" {
  source = "../../modules/account"

  organization_id     = var.organization_id
  pipeline_account_id = var.shared_account_id
  security_account_id = var.account_id
  regions             = local.regions

  # AWS Config writes into a bucket of this account.
  depends_on = [module.detection]
}
