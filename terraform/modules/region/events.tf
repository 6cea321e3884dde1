module "events" {
  source = "../events"

  name                = var.name
  role                = var.role
  second              = local.second
  key_arns            = module.security.key_arns
  stream              = var.sizes.stream
  people              = var.people
  deletion_protection = var.deletion_protection

  authorizer = {
    token_issuer  = module.api.user_pool_endpoint
    token_clients = values(module.api.machine_client_ids)
  }
}
