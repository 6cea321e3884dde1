module "data" {
  source = "../data"

  name                = var.name
  role                = var.role
  vpc_id              = module.network.vpc_id
  database_subnet_ids = module.network.database_subnet_ids
  availability_zones  = var.network.availability_zones
  key_arns            = module.security.key_arns
  deletion_protection = var.deletion_protection

  second = local.second
  first  = var.first == null ? null : { region = var.first.region, global_cluster_identifier = "${var.first.name}-ledger" }

  # People's shells get to PostgreSQL alone: their group has no way out to Valkey.
  client_security_group_ids = [module.processing.node_security_group_id, aws_security_group.people.id]

  aurora                         = var.sizes.aurora
  cache                          = var.sizes.cache
  ray_store                      = var.sizes.ray_store
  journal_warm_writes_per_second = var.sizes.journal_warm_writes_per_second
  records                        = var.records
  passwords                      = var.passwords
  passwords_version              = var.passwords_version
}
