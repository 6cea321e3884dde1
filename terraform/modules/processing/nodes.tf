# Fixed managed groups and not Karpenter: a ledger's capacity is planned (a shard host is worth its place only while it stays there), and
# Karpenter's consolidation would move nodes, and with each node its shards, to save minutes of an instance. A managed group replaces
# nodes only when told to, one at a time, and waits for PodDisruptionBudgets. No spot: a reclaimed node is a moved shard.

locals {
  # A group for each zone: one group over three zones may be out of balance, and rebalancing ends nodes that work.
  shard_host_groups = {
    for index, subnet in var.private_subnet_ids : "shard-hosts-${index + 1}" => {
      group         = "shard-hosts"
      instance_type = var.node_groups.shard_hosts.instance_type
      nodes         = var.node_groups.shard_hosts.nodes_per_zone
      subnets       = [subnet]
    }
  }
  node_groups = merge(local.shard_host_groups, {
    head = {
      group         = "head"
      instance_type = var.node_groups.head.instance_type
      nodes         = var.node_groups.head.nodes
      subnets       = var.private_subnet_ids
    }
    # The Api deployment, upkeep, and what a cluster needs besides (DNS, operators, controllers).
    ingress = {
      group         = "ingress"
      instance_type = var.node_groups.ingress.instance_type
      nodes         = var.node_groups.ingress.nodes
      subnets       = var.private_subnet_ids
    }
  })
}

resource "aws_eks_node_group" "this" {
  for_each = local.node_groups

  cluster_name    = aws_eks_cluster.this.name
  node_group_name = "${var.name}-${each.key}"
  node_role_arn   = aws_iam_role.node.arn
  version         = aws_eks_cluster.this.version
  subnet_ids      = each.value.subnets
  ami_type        = "AL2023_x86_64_STANDARD"
  capacity_type   = "ON_DEMAND"
  instance_types  = [each.value.instance_type]

  labels = {
    "payments/group" = each.value.group
  }

  launch_template {
    id      = aws_launch_template.node.id
    version = aws_launch_template.node.latest_version
  }

  scaling_config {
    desired_size = each.value.nodes
    min_size     = each.value.nodes
    max_size     = each.value.nodes + 1
  }

  # Nothing but shard hosts may take their processors.
  dynamic "taint" {
    for_each = each.value.group == "shard-hosts" ? [each.value.group] : []

    content {
      key    = "payments/group"
      value  = taint.value
      effect = "NO_SCHEDULE"
    }
  }

  update_config {
    max_unavailable = 1
  }

  node_repair_config {
    enabled = true
  }

  # Nodes become ready when the network is there, and their pods find their roles from the first moment.
  depends_on = [aws_eks_addon.before_nodes, aws_iam_role_policy_attachment.node]
}

resource "aws_launch_template" "node" {
  name        = "${var.name}-node"
  description = "Nodes of ${var.name}"

  vpc_security_group_ids = [
    aws_eks_cluster.this.vpc_config[0].cluster_security_group_id,
    aws_security_group.node.id,
  ]

  # One hop: the node itself may ask for its role, its pods may not. They have roles of their own.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "disabled"
  }

  monitoring {
    enabled = true
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    # The key must allow the service-linked role AWSServiceRoleForAutoScaling, which starts the nodes.
    ebs {
      volume_type           = "gp3"
      volume_size           = 100
      encrypted             = true
      kms_key_id            = var.key_arns["cluster"]
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.name}-node" }
  }

  tag_specifications {
    resource_type = "volume"
    tags          = { Name = "${var.name}-node" }
  }
}

resource "aws_security_group" "node" {
  name        = "${var.name}-node"
  description = "Nodes and pods: who carries it may use the databases; the cluster's own group lets nodes talk to each other"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "node_from_load_balancer" {
  description                  = "API pods from the load balancer"
  security_group_id            = aws_security_group.node.id
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.api_port
  to_port                      = local.api_port
}

resource "aws_iam_role" "node" {
  name        = "${var.name}-node"
  description = "Nodes of ${var.name}: join the cluster and pull images, nothing else"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "node" {
  # Images come from the shared account's registry, whose repository policies name this account. The smaller AmazonEKSWorkerNodeMinimalPolicy
  # is for nodes of EKS Auto Mode: what starts a node of Amazon Linux asks EC2 for the node's name, and without an answer it never joins.
  for_each = toset(["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"])

  role       = aws_iam_role.node.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}
