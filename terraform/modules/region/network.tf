module "network" {
  source = "../network"

  name               = var.name
  cidr               = var.network.cidr
  availability_zones = var.network.availability_zones
  nat_per_zone       = var.network.nat_per_zone
  logs_key_arn       = module.security.key_arns["logs"]

  artifact_bucket_arn = one(var.pipeline[*].artifact_bucket_arn)
}
