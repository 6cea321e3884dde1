data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  region      = data.aws_region.current.region
  account_id  = data.aws_caller_identity.current.account_id
  edge_region = "us-east-1" # CloudFront, its web ACL and Route 53's health checks have metrics there and nowhere else
}

module "alerts" {
  source = "./alerts"

  name        = "${var.name}-alerts"
  region      = local.region
  subscribers = var.subscribers
}

module "edge_alerts" {
  source = "./alerts"
  count  = var.edge == null ? 0 : 1

  name        = "${var.name}-edge-alerts"
  region      = local.edge_region
  subscribers = var.subscribers
}
