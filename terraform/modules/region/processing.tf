locals {
  # What a service account may do is the sum of what the layers say that it needs.
  workloads = ["payments-head", "payments-api", "payments-shard-host", "payments-upkeep"]
  workload_policies = {
    for account in local.workloads : account => [
      for policies in [module.data.workload_policies, module.events.workload_policies] : policies[account] if contains(keys(policies), account)
    ]
  }
}

module "processing" {
  source = "../processing"

  name                = var.name
  vpc_id              = module.network.vpc_id
  private_subnet_ids  = module.network.private_subnet_ids
  key_arns            = module.security.key_arns
  node_groups         = var.sizes.node_groups
  workload_policies   = local.workload_policies
  secret_arns         = values(module.data.secret_arns)
  ingress_domain      = "ingress.${local.region}.${var.domain}"
  zone_id             = var.zone_id
  deletion_protection = var.deletion_protection

  access_entries                     = var.cluster_access.entries
  endpoint_public_access_cidrs       = var.cluster_access.networks
  endpoint_client_security_group_ids = concat(module.rollout[*].security_group_id, [aws_security_group.people.id])
}
