module "account" {
  source = "../../modules/account"

  organization_id     = var.organization_id
  pipeline_account_id = var.account_id
  security_account_id = var.security_account_id
  regions             = ["eu-central-1", "eu-west-1"]
}

# The keys of the pipeline's artifacts, images and logs.
module "security" {
  source = "../../modules/security"

  name                 = "payments-shared"
  autoscaling_role_arn = module.account.autoscaling_role_arn
}
