module "account" {
  source = "../../modules/account"

  organization_id     = var.organization_id
  pipeline_account_id = var.shared_account_id
  security_account_id = var.security_account_id
  regions             = ["eu-central-1", "eu-west-1"]
}

module "region" {
  source = "../../modules/region"

  name = "payments-production"
  role = "primary"

  autoscaling_role_arn = module.account.autoscaling_role_arn
  second               = { region = "eu-west-1", name = "payments-standby" }

  network = {
    cidr               = "10.20.0.0/16"
    availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    nat_per_zone       = true
  }
}
