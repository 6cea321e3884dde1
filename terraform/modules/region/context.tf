data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.region

  second = var.second == null ? null : { region = var.second.region, key_arns = module.security.replica_key_arns }
}
