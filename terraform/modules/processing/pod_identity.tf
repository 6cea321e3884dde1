# Pod Identity and not IRSA: no OIDC provider to keep. Each trust names the one cluster, namespace and service account for which EKS may
# assume the role.

locals {
  # Role's name without prefix => who has it. Those of payments are named as the service account is, less "payments-".
  accounts = {
    head                     = { namespace = "payments", service_account = "payments-head" }
    api                      = { namespace = "payments", service_account = "payments-api" }
    shard-host               = { namespace = "payments", service_account = "payments-shard-host" }
    upkeep                   = { namespace = "payments", service_account = "payments-upkeep" }
    load-balancer-controller = { namespace = "kube-system", service_account = "aws-load-balancer-controller" }
    vpc-cni                  = { namespace = "kube-system", service_account = "aws-node" }
    ebs-csi-driver           = { namespace = "kube-system", service_account = "ebs-csi-controller-sa" }
    external-secrets         = { namespace = "external-secrets", service_account = "external-secrets" }
    cloudwatch-agent         = { namespace = "amazon-cloudwatch", service_account = "cloudwatch-agent" }
  }
  workloads = { for role, account in local.accounts : account.service_account => role if account.namespace == "payments" }

  workload_documents = merge([
    for account, documents in var.workload_policies : {
      for index, document in documents : "${account}/${index}" => { account = account, document = document }
    }
  ]...)

  # AWS's own policies for AWS's own software.
  managed_policies = {
    vpc-cni          = "AmazonEKS_CNI_Policy"
    ebs-csi-driver   = "service-role/AmazonEBSCSIDriverPolicy"
    cloudwatch-agent = "CloudWatchAgentServerPolicy"
  }
}

resource "aws_iam_role" "account" {
  for_each = local.accounts

  name        = "${var.name}-${each.key}"
  description = "Service account ${each.value.service_account} in the namespace ${each.value.namespace}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:RequestTag/eks-cluster-name"           = var.name
          "aws:RequestTag/kubernetes-namespace"       = each.value.namespace
          "aws:RequestTag/kubernetes-service-account" = each.value.service_account
        }
      }
    }]
  })
}

# Add-ons are given their roles where they are installed (addons.tf).
resource "aws_eks_pod_identity_association" "account" {
  for_each = { for role, account in local.accounts : role => account if !contains(keys(local.managed_policies), role) }

  cluster_name    = aws_eks_cluster.this.name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = aws_iam_role.account[each.key].arn
}

resource "aws_iam_role_policy" "workload" {
  for_each = local.workload_documents

  name   = "${var.name}-${replace(each.key, "/", "-")}"
  role   = aws_iam_role.account[local.workloads[each.value.account]].id
  policy = each.value.document
}

resource "aws_iam_role_policy_attachment" "addon" {
  for_each = local.managed_policies

  role       = aws_iam_role.account[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/${each.value}"
}

# Volumes are encrypted with our key: the driver may let EC2 use it for them, and for nothing else.
resource "aws_iam_role_policy" "ebs_csi_key" {
  name = "${var.name}-ebs-csi-key"
  role = aws_iam_role.account["ebs-csi-driver"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Action    = "kms:CreateGrant"
        Resource  = var.key_arns["cluster"]
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
      {
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
        Resource = var.key_arns["cluster"]
      },
    ]
  })
}
