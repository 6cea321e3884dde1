# Questions about the past can wait until the first region is back, so the standby has none of this; the records themselves are copied there.
module "analytics" {
  source = "../analytics"
  count  = var.role == "primary" ? 1 : 0

  name                     = var.name
  records_bucket           = module.data.records_bucket
  key_arns                 = module.security.key_arns
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.database_subnet_ids
  redshift_capacity        = var.sizes.redshift
  quicksight_principal_arn = var.quicksight_principal_arn
}
