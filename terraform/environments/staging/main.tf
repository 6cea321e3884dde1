module "account" {
  source = "../../modules/account"

  organization_id     = var.organization_id
  pipeline_account_id = var.shared_account_id
  security_account_id = var.security_account_id
  regions             = ["eu-central-1", "eu-west-1"]
}

module "zone" {
  source = "../../modules/zone"

  name   = "payments-staging"
  domain = var.zone
}

module "region" {
  source = "../../modules/region"

  name = "payments-staging"
  role = "primary"

  autoscaling_role_arn = module.account.autoscaling_role_arn

  network = {
    cidr               = "10.10.0.0/16"
    availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    # A zone lost may interrupt staging.
    nat_per_zone = false
  }

  domain          = "api.${var.zone}"
  zone_id         = module.zone.zone_id
  origin          = { client_certificate_arn = var.origin_client_certificate_arn, client_ca_pem = file("${path.module}/origin-ca.pem") }
  machine_clients = { load-test = ["read", "pay", "operate"] }
  cluster_access  = var.cluster_access

  sizes = {
    node_groups = {
      head        = { instance_type = "m7i.large", nodes = 2 }
      ingress     = { instance_type = "m7i.xlarge", nodes = 2 }
      shard_hosts = { instance_type = "m7i.large", nodes_per_zone = 1 }
    }
    aurora    = { instance_class = "db.r8g.large", instances = 2 }
    cache     = { node_type = "cache.m7g.large", nodes = 2 }
    ray_store = { node_type = "cache.m7g.large" }
    # As many as the ledger has shards.
    stream = { mode = "PROVISIONED", shards = 12 }
  }

  # Rehearsed, and then gone: nobody's money is here.
  records             = { lock_mode = "GOVERNANCE", lock_days = 7 }
  deletion_protection = false

  alerts             = merge(var.alerts, { database_connections = 500 })
  monthly_budget_usd = 7000
  pipeline           = var.pipeline

  passwords         = local.passwords
  passwords_version = 1
}
