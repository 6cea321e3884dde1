mock_provider "aws" {
  mock_resource "aws_acm_certificate" {
    defaults = {
      domain_validation_options = [{
        domain_name           = "ingress.staging.example.com"
        resource_record_name  = "_proof.ingress.staging.example.com"
        resource_record_type  = "CNAME"
        resource_record_value = "_proof.acm-validations.aws"
      }]
    }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }
}

variables {
  name               = "payments-staging"
  vpc_id             = "vpc-1"
  private_subnet_ids = ["subnet-a", "subnet-b", "subnet-c"]
  ingress_domain     = "ingress.staging.example.com"
  zone_id            = "Z1"
  key_arns = {
    cluster = "arn:aws:kms:eu-central-1:123456789012:key/cluster"
    logs    = "arn:aws:kms:eu-central-1:123456789012:key/logs"
    secrets = "arn:aws:kms:eu-central-1:123456789012:key/secrets"
  }
  node_groups = {
    head        = { instance_type = "m7i.large", nodes = 2 }
    ingress     = { instance_type = "c7i.xlarge", nodes = 3 }
    shard_hosts = { instance_type = "c7i.2xlarge", nodes_per_zone = 2 }
  }
  secret_arns = [
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:payments/database-AbCdEf",
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:payments/redis-AbCdEf",
  ]
  access_entries = {
    platform = { role_arn = "arn:aws:iam::123456789012:role/platform", policy = "AmazonEKSClusterAdminPolicy" }
    on-call  = { role_arn = "arn:aws:iam::123456789012:role/on-call", policy = "AmazonEKSViewPolicy", namespaces = ["payments"] }
  }
  workload_policies = {
    payments-api        = ["{\"one\":1}", "{\"two\":2}"]
    payments-shard-host = ["{\"three\":3}"]
  }
}

run "nobody_reaches_the_kubernetes_api_from_outside" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "The endpoint is private unless networks are named."
  }
  assert {
    condition     = aws_eks_cluster.this.access_config[0].authentication_mode == "API" && !aws_eks_cluster.this.access_config[0].bootstrap_cluster_creator_admin_permissions
    error_message = "Rights come from access entries alone, also those of whoever creates the cluster."
  }
  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == var.key_arns["cluster"]
    error_message = "Kubernetes' secrets are encrypted with our key."
  }
  assert {
    condition     = length(aws_eks_cluster.this.enabled_cluster_log_types) == 5 && aws_cloudwatch_log_group.control_plane.kms_key_id == var.key_arns["logs"]
    error_message = "All five logs of the control plane are kept, under our key."
  }
}

run "people_have_what_is_written_down" {
  command = plan

  assert {
    condition     = one(aws_eks_access_policy_association.people["platform"].access_scope[*].type) == "cluster" && one(aws_eks_access_policy_association.people["on-call"].access_scope[*].type) == "namespace"
    error_message = "An entry with namespaces holds there alone."
  }
}

run "a_cluster_without_an_administrator_is_refused" {
  command = plan

  variables {
    access_entries = { on-call = { role_arn = "arn:aws:iam::123456789012:role/on-call", policy = "AmazonEKSViewPolicy" } }
  }

  expect_failures = [var.access_entries]
}

run "shard_hosts_have_a_group_in_each_zone_to_themselves" {
  command = plan

  assert {
    condition     = toset([for name, group in aws_eks_node_group.this : join(",", group.subnet_ids) if group.labels["payments/group"] == "shard-hosts"]) == toset(var.private_subnet_ids)
    error_message = "Each zone has its own group of shard hosts."
  }
  assert {
    condition = alltrue([
      for name, group in aws_eks_node_group.this :
      length(group.taint) == (group.labels["payments/group"] == "shard-hosts" ? 1 : 0)
    ])
    error_message = "Shard hosts' nodes, and only those, are tainted."
  }
  assert {
    condition     = alltrue([for group in aws_eks_node_group.this : group.capacity_type == "ON_DEMAND" && group.scaling_config[0].min_size == group.scaling_config[0].desired_size])
    error_message = "Groups are fixed, and never spot."
  }
  assert {
    condition     = toset([for group in aws_eks_node_group.this : group.labels["payments/group"]]) == toset(["head", "ingress", "shard-hosts"])
    error_message = "The labels are those that the manifests ask for."
  }
}

run "pods_cannot_take_the_role_of_the_node" {
  command = plan

  assert {
    condition     = aws_launch_template.node.metadata_options[0].http_tokens == "required" && aws_launch_template.node.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "IMDSv2, one hop."
  }
  assert {
    condition     = tobool(aws_launch_template.node.block_device_mappings[0].ebs[0].encrypted) && aws_launch_template.node.block_device_mappings[0].ebs[0].kms_key_id == var.key_arns["cluster"]
    error_message = "Disks are encrypted with our key."
  }
}

run "each_service_account_has_its_role_and_no_other" {
  command = plan

  assert {
    condition = alltrue([
      for account in ["head", "api", "shard-host", "upkeep"] :
      aws_eks_pod_identity_association.account[account].namespace == "payments" &&
      aws_eks_pod_identity_association.account[account].service_account == "payments-${account}" &&
      aws_iam_role.account[account].name == "payments-staging-${account}"
    ])
    error_message = "payments-<group> in the namespace payments has the role <name>-<group>."
  }
  assert {
    condition = alltrue([
      for name, role in aws_iam_role.account :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:RequestTag/kubernetes-service-account"] == local.accounts[name].service_account
    ])
    error_message = "A role's trust names its service account."
  }
  assert {
    condition     = { for key, policy in aws_iam_role_policy.workload : key => policy.policy } == { "payments-api/0" = "{\"one\":1}", "payments-api/1" = "{\"two\":2}", "payments-shard-host/0" = "{\"three\":3}" }
    error_message = "Every document that is given becomes a policy of that account's role."
  }
}

run "only_the_secrets_of_the_ledger_are_copied" {
  command = plan

  assert {
    condition     = tolist(jsondecode(aws_iam_role_policy.external_secrets.policy).Statement[0].Resource) == var.secret_arns
    error_message = "The operator reads the secrets that are named, and nothing else."
  }
}

run "secrets_are_not_named_by_a_pattern" {
  command = plan

  variables {
    secret_arns = ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:payments/*"]
  }

  expect_failures = [var.secret_arns]
}

run "a_node_may_ask_for_its_own_name" {
  command = plan

  assert {
    condition     = contains(keys(aws_iam_role_policy_attachment.node), "AmazonEKSWorkerNodePolicy")
    error_message = "Without ec2:DescribeInstances a node of Amazon Linux 2023 does not join."
  }
  assert {
    condition     = aws_eks_cluster.this.kubernetes_network_config[0].service_ipv4_cidr == "172.20.0.0/16"
    error_message = "Network policies name the address of Kubernetes' API in this range."
  }
}

run "requests_reach_the_pods_by_one_way" {
  command = plan

  assert {
    condition     = aws_lb.ingress.internal && aws_lb.ingress.drop_invalid_header_fields && aws_lb_listener.ingress.protocol == "HTTPS"
    error_message = "The load balancer is internal and takes TLS only."
  }
  assert {
    condition     = aws_lb_target_group.api.health_check[0].path == "/healthz" && aws_lb_target_group.api.port == 8000
    error_message = "Pods are asked whether they are up, not whether every shard is owned."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.node_from_load_balancer.from_port == 8000 && aws_vpc_security_group_egress_rule.load_balancer_to_node.to_port == 8000
    error_message = "The two groups open the API's port to each other."
  }
}

run "an_open_kubernetes_api_is_refused" {
  command = plan

  variables {
    endpoint_public_access_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.endpoint_public_access_cidrs]
}

run "two_zones_are_refused" {
  command = plan

  variables {
    private_subnet_ids = ["subnet-a", "subnet-b"]
  }

  expect_failures = [var.private_subnet_ids]
}
