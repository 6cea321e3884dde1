# What AWS keeps for us. The operators of KubeRay and of secrets, and the load balancer's controller, are installed with the manifests
# (deploy/kuberay): a helm provider would need the private endpoint of a cluster that the same plan is about to make.

locals {
  # Without network policies enabled, NetworkPolicy objects are stored and change nothing.
  addons_before_nodes = {
    vpc-cni                = { version = var.addon_versions.vpc_cni, role = "vpc-cni", values = { enableNetworkPolicy = "true" } }
    kube-proxy             = { version = var.addon_versions.kube_proxy, role = null, values = null }
    eks-pod-identity-agent = { version = var.addon_versions.pod_identity_agent, role = null, values = null }
  }
  # Container Insights, and the collector of traces: the alarms on nodes and pods read what it sends.
  addons_on_nodes = {
    coredns                         = { version = var.addon_versions.coredns, role = null }
    aws-ebs-csi-driver              = { version = var.addon_versions.ebs_csi_driver, role = "ebs-csi-driver" }
    amazon-cloudwatch-observability = { version = var.addon_versions.observability, role = "cloudwatch-agent" }
  }
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.addons_before_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = each.value.version
  configuration_values        = each.value.values == null ? null : jsonencode(each.value.values)
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  dynamic "pod_identity_association" {
    for_each = each.value.role == null ? [] : [each.value.role]

    content {
      role_arn        = aws_iam_role.account[pod_identity_association.value].arn
      service_account = local.accounts[pod_identity_association.value].service_account
    }
  }

  depends_on = [aws_iam_role_policy_attachment.addon]
}

resource "aws_eks_addon" "on_nodes" {
  for_each = local.addons_on_nodes

  cluster_name                = aws_eks_cluster.this.name
  addon_name                  = each.key
  addon_version               = each.value.version
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  dynamic "pod_identity_association" {
    for_each = each.value.role == null ? [] : [each.value.role]

    content {
      role_arn        = aws_iam_role.account[pod_identity_association.value].arn
      service_account = local.accounts[pod_identity_association.value].service_account
    }
  }

  depends_on = [aws_eks_node_group.this, aws_iam_role_policy_attachment.addon, aws_iam_role_policy.ebs_csi_key]
}
