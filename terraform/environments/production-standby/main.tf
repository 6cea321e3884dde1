# The zone is the account's, and so is the account's baseline: both are in the environment production.
data "aws_route53_zone" "this" {
  name = var.zone
}

module "region" {
  source = "../../modules/region"

  name  = "payments-standby"
  role  = "standby"
  first = { region = "eu-central-1", name = "payments-production" }

  autoscaling_role_arn = "arn:aws:iam::${var.account_id}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
  failover_role_arn    = "arn:aws:iam::${var.account_id}:role/payments-failover"

  network = {
    cidr               = "10.30.0.0/16"
    availability_zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    # It has to carry production on the day it is needed.
    nat_per_zone = true
  }

  domain          = "api.${var.zone}"
  zone_id         = data.aws_route53_zone.this.zone_id
  origin          = { client_ca_pem = file("${path.module}/../production/origin-ca.pem") }
  machine_clients = var.machine_clients
  cluster_access  = var.cluster_access

  # Warm: few nodes, of production's kind, so that the failover only has to add more. The database copies all that production writes.
  sizes = {
    node_groups = {
      head        = { instance_type = "m7i.large", nodes = 2 }
      ingress     = { instance_type = "m7i.2xlarge", nodes = 2 }
      shard_hosts = { instance_type = "m7i.2xlarge", nodes_per_zone = 1 }
    }
    aurora    = { instance_class = "db.r8g.8xlarge", instances = 2 }
    cache     = { node_type = "cache.r7g.xlarge", nodes = 2 }
    ray_store = { node_type = "cache.m7g.large" }
    # Takes what comes, and costs nothing while nothing comes.
    stream = { mode = "ON_DEMAND" }
  }

  records                     = { lock_mode = "COMPLIANCE", lock_days = 3650 }
  backup_lock_changeable_days = 14
  deletion_protection         = true

  alerts   = merge(var.alerts, { database_connections = 2000 })
  pipeline = var.pipeline

  passwords         = local.passwords
  passwords_version = 1
}
