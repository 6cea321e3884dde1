locals {
  # What the second region must be able to read: the database and the journal's table, the transaction records, the secrets.
  copied_domains = ["data", "records", "secrets"]
}

module "security" {
  source = "../security"

  name    = var.name
  replica = var.second == null ? null : { region = var.second.region, domains = local.copied_domains }
  copied  = var.first == null ? null : { name = var.first.name, domains = local.copied_domains }

  autoscaling_role_arn = var.autoscaling_role_arn
}
