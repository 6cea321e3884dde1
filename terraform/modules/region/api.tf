locals {
  origin_domain = "origin.${var.domain}"
}

module "api" {
  source = "../api"

  name                      = var.name
  vpc_id                    = module.network.vpc_id
  private_subnet_ids        = module.network.private_subnet_ids
  ingress_listener_arn      = module.processing.ingress_listener_arn
  ingress_domain            = module.processing.ingress_domain
  ingress_security_group_id = module.processing.ingress_security_group_id
  key_arns                  = module.security.key_arns
  zone_id                   = var.zone_id
  origin_domain             = local.origin_domain
  origin_client_ca_pem      = var.origin.client_ca_pem
  machine_clients           = var.machine_clients
  deletion_protection       = var.deletion_protection

  authorizer = {
    function_name = module.events.function_names["authorizer"]
    invoke_arn    = module.events.authorizer_invoke_arn
  }

  # The standby's record is the one that is left while the primary's is withdrawn.
  failover = (
    var.first != null ? { type = "SECONDARY" } :
    var.second != null ? { type = "PRIMARY", health_check_id = one(module.edge[*].primary_health_check_id) } :
    null
  )
}
