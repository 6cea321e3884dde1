resource "aws_eks_cluster" "this" {
  #checkov:skip=CKV_AWS_339:The check's list of versions ends before 1.36, which EKS offers.
  name                = var.name
  version             = var.kubernetes_version
  role_arn            = aws_iam_role.cluster.arn
  deletion_protection = var.deletion_protection

  # Every add-on is ours, at a version that stands here.
  bootstrap_self_managed_addons = false
  enabled_cluster_log_types     = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  access_config {
    authentication_mode = "API"
    # Whoever creates the cluster gets no rights that are not written down as an access entry.
    bootstrap_cluster_creator_admin_permissions = false
  }

  encryption_config {
    resources = ["secrets"]

    provider {
      key_arn = var.key_arns["cluster"]
    }
  }

  # A forgotten upgrade shall cost money, and not be made by AWS on a day of its choice.
  upgrade_policy {
    support_type = "EXTENDED"
  }

  vpc_config {
    subnet_ids              = var.private_subnet_ids
    endpoint_private_access = true
    endpoint_public_access  = length(var.endpoint_public_access_cidrs) > 0
    public_access_cidrs     = length(var.endpoint_public_access_cidrs) > 0 ? var.endpoint_public_access_cidrs : null
  }

  # Addresses of Services, outside of every VPC of ours. Written down, because a network policy has to name that of Kubernetes' own API: the
  # VPC CNI looks at packets before a Service's address becomes a pod's.
  kubernetes_network_config {
    service_ipv4_cidr = "172.20.0.0/16"
  }

  # An impaired zone can be taken out by one call, here and at the load balancer.
  zonal_shift_config {
    enabled = true
  }

  # The log group first: EKS would make one without our key and without an end.
  depends_on = [aws_cloudwatch_log_group.control_plane, aws_iam_role_policy_attachment.cluster]
}

resource "aws_cloudwatch_log_group" "control_plane" {
  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arns["logs"]
}

resource "aws_iam_role" "cluster" {
  name        = "${var.name}-cluster"
  description = "The control plane of ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "eks.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
}

resource "aws_vpc_security_group_ingress_rule" "endpoint" {
  for_each = { for index, group in var.endpoint_client_security_group_ids : index => group }

  description                  = "Kubernetes API from inside the VPC"
  security_group_id            = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}
