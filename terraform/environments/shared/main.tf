module "account" {
  source = "../../modules/account"

  organization_id     = var.organization_id
  pipeline_account_id = var.account_id
  security_account_id = var.security_account_id
  regions             = ["eu-central-1", "eu-west-1"]
}

# Keys of this account; the pipeline brings one of its own for artifacts and images.
module "security" {
  source = "../../modules/security"

  name                 = "payments-shared"
  autoscaling_role_arn = module.account.autoscaling_role_arn
}

module "delivery" {
  source = "../../modules/delivery"

  name              = "payments-shared"
  second_region     = "eu-west-1"
  logs_key_arn      = module.security.key_arns["logs"]
  source_repository = var.source_repository
  approvers         = var.approvers
  python_image      = var.python_image

  clusters = {
    staging    = { account_id = var.workload_account_ids.staging, region = "eu-central-1", name = "payments-staging" }
    production = { account_id = var.workload_account_ids.production, region = "eu-central-1", name = "payments-production" }
    standby    = { account_id = var.workload_account_ids.production, region = "eu-west-1", name = "payments-standby" }
  }

  # Not the organisation, the watch and this account itself: a pipeline that could change what bounds it would be bounded by nothing.
  landscape = [
    { environment = "staging", account_id = var.workload_account_ids.staging },
    { environment = "production", account_id = var.workload_account_ids.production },
    { environment = "production-standby", account_id = var.workload_account_ids.production },
  ]
}
