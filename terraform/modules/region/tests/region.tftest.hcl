# What is asserted here is how the layers hang together; each layer has tests of its own.
mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

mock_provider "archive" {}

variables {
  name                 = "payments-production"
  role                 = "primary"
  second               = { region = "eu-west-1", name = "payments-standby" }
  autoscaling_role_arn = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
  failover_role_arn    = "arn:aws:iam::123456789012:role/payments-failover"
  network              = { cidr = "10.20.0.0/16", availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"], nat_per_zone = true }
  domain               = "api.payments.example"
  zone_id              = "Z0000000000"
  origin = {
    client_certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    client_ca_pem          = "-----BEGIN CERTIFICATE-----\nexample\n-----END CERTIFICATE-----"
  }
  cluster_access  = { entries = { platform = { role_arn = "arn:aws:iam::123456789012:role/platform", policy = "AmazonEKSClusterAdminPolicy" } } }
  machine_clients = { checkout = ["read", "pay"] }
  sizes = {
    node_groups = {
      head        = { instance_type = "m7i.large", nodes = 2 }
      ingress     = { instance_type = "m7i.large", nodes = 2 }
      shard_hosts = { instance_type = "m7i.large", nodes_per_zone = 1 }
    }
    aurora    = { instance_class = "db.r8g.large", instances = 2 }
    cache     = { node_type = "cache.m7g.large", nodes = 2 }
    ray_store = { node_type = "cache.m7g.large" }
    stream    = { mode = "ON_DEMAND" }
  }
  records             = { lock_mode = "COMPLIANCE", lock_days = 3650 }
  deletion_protection = true
  alerts              = { emails = ["oncall@payments.example"], runbooks_url = "https://git.payments.example/runbooks", database_connections = 500 }
  passwords = {
    database  = "dddddddddddddddddddddddddddddddd"
    cache     = "cccccccccccccccccccccccccccccccc"
    ray_store = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
    ray_token = "tttttttttttttttttttttttttttttttt"
  }
  passwords_version = 1
}

run "a_primary_has_the_edge_and_a_way_to_the_standby" {
  command = plan

  assert {
    condition     = length(module.edge) == 1 && length(module.analytics) == 1 && length(aws_eks_access_entry.failover) == 1
    error_message = "The primary brings what is there once, and people may move the ledger."
  }

  assert {
    condition     = local.second.region == "eu-west-1" && toset(keys(local.second.key_arns)) == toset(["data", "records", "secrets"])
    error_message = "What is copied to the second region has keys there."
  }

  # Each kind of pod that works gets what the layers say that it needs.
  assert {
    condition = alltrue([
      for account in ["payments-api", "payments-shard-host", "payments-upkeep"] : length(local.workload_policies[account]) > 0
    ]) && length(local.workload_policies["payments-head"]) == 0
    error_message = "Pods that work need their policies, and the head does no work."
  }
}

run "people_have_a_way_to_cluster_and_database" {
  command = plan

  assert {
    condition     = aws_vpc_security_group_egress_rule.people_https.to_port == 443 && aws_vpc_security_group_egress_rule.people_database.to_port == 5432
    error_message = "Without these a private cluster could never be set up, nor the database be given its user."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.people_database.cidr_ipv4 == var.network.cidr
    error_message = "The database is inside; nobody's shell reaches another outside."
  }
}

run "a_standby_has_neither" {
  command = plan

  variables {
    name      = "payments-standby"
    role      = "standby"
    second    = null
    first     = { region = "eu-central-1", name = "payments-production" }
    origin    = { client_ca_pem = "-----BEGIN CERTIFICATE-----\nexample\n-----END CERTIFICATE-----" }
    passwords = { cache = "cccccccccccccccccccccccccccccccc", ray_store = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr", ray_token = "tttttttttttttttttttttttttttttttt" }
  }

  assert {
    condition     = length(module.edge) == 0 && length(module.analytics) == 0 && length(aws_eks_access_entry.failover) == 1
    error_message = "CloudFront is in no region, and the primary has it; people may move the ledger here."
  }
}

run "one_region_alone_cannot_fail_over" {
  command = plan

  variables {
    name   = "payments-staging"
    second = null
  }

  assert {
    condition     = length(aws_eks_access_entry.failover) == 0 && local.second == null
    error_message = "Nobody moves a ledger that has nowhere to go."
  }
}

run "a_standby_names_its_primary" {
  command = plan

  variables {
    name      = "payments-standby"
    role      = "standby"
    second    = null
    origin    = { client_ca_pem = "-----BEGIN CERTIFICATE-----\nexample\n-----END CERTIFICATE-----" }
    passwords = { cache = "cccccccccccccccccccccccccccccccc", ray_store = "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr", ray_token = "tttttttttttttttttttttttttttttttt" }
  }

  expect_failures = [var.first]
}
