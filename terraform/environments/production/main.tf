module "account" {
  source = "../../modules/account"

  organization_id     = var.organization_id
  pipeline_account_id = var.shared_account_id
  security_account_id = var.security_account_id
  regions             = ["eu-central-1", "eu-west-1"]
}

module "zone" {
  source = "../../modules/zone"

  name   = "payments-production"
  domain = var.zone
}

module "failover" {
  source = "../../modules/failover"

  regions      = { eu-central-1 = "payments-production", eu-west-1 = "payments-standby" }
  primary_name = "payments-production"
  operators    = "payments-operator"
}

module "region" {
  source = "../../modules/region"

  name   = "payments-production"
  role   = "primary"
  second = { region = "eu-west-1", name = "payments-standby" }

  autoscaling_role_arn = module.account.autoscaling_role_arn
  failover_role_arn    = module.failover.role_arn

  network = {
    cidr               = "10.20.0.0/16"
    availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    nat_per_zone       = true
  }

  domain          = "api.${var.zone}"
  zone_id         = module.zone.zone_id
  origin          = { client_certificate_arn = var.origin_client_certificate_arn, client_ca_pem = file("${path.module}/origin-ca.pem") }
  machine_clients = var.machine_clients
  cluster_access  = var.cluster_access

  # For 10,000 payments a second, as deploy/capacity.md counts them; deploy/kuberay/overlays/production has the
  # pods that go with these nodes, and deploy/failover/production.toml the standby's on the day.
  sizes = {
    node_groups = {
      head        = { instance_type = "m7i.large", nodes = 2 }
      ingress     = { instance_type = "m7i.2xlarge", nodes = 4 }
      shard_hosts = { instance_type = "m7i.2xlarge", nodes_per_zone = 2 }
    }
    aurora                         = { instance_class = "db.r8g.8xlarge", instances = 3, insights = "advanced" }
    cache                          = { node_type = "cache.r7g.xlarge", nodes = 3 }
    ray_store                      = { node_type = "cache.m7g.large" }
    stream                         = { mode = "PROVISIONED", shards = 48 }
    journal_warm_writes_per_second = 40000
    redshift                       = { base = 16, max = 64, hours_per_day = 100 }
  }

  # Ten years, as books of account are kept.
  records                     = { lock_mode = "COMPLIANCE", lock_days = 3650 }
  backup_lock_changeable_days = 14
  deletion_protection         = true

  alerts             = merge(var.alerts, { database_connections = 2000 })
  monthly_budget_usd = 150000
  pipeline           = var.pipeline

  quicksight_principal_arn = var.quicksight_principal_arn

  passwords         = local.passwords
  passwords_version = 1
}
