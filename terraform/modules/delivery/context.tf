data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.region
  regions    = toset([local.region, var.second_region])

  cluster_accounts = toset([for cluster in values(var.clusters) : cluster.account_id])
  account_roots    = [for account in sort(local.cluster_accounts) : "arn:aws:iam::${account}:root"]

  # Roles of module rollout in the clusters' accounts. By name: those accounts are set up after this one.
  starter_arns = { for key, cluster in var.clusters : key => "arn:aws:iam::${cluster.account_id}:role/${cluster.name}-rollout-start" }
}

module "alerts" {
  source = "../operations/alerts"

  name        = "${var.name}-pipeline"
  region      = local.region
  subscribers = { emails = var.approvers }
  hears_rules = true
}
