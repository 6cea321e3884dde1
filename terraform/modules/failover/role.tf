# For people alone, and for deploy/failover alone: what its steps call, and nothing else. It exists before it is needed, because IAM is
# managed from a third region, and nobody should have to make a role while a region is down.
data "aws_caller_identity" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  tables     = [for region in keys(var.regions) : "arn:aws:dynamodb:${region}:${local.account_id}:table/payments-journal"]
}

resource "aws_iam_role" "this" {
  #checkov:skip=CKV_AWS_61:The principal is this account, and the condition leaves the people of one permission set.
  name                 = "payments-failover"
  max_session_duration = 14400
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${local.account_id}:root" }
      Action    = "sts:AssumeRole"
      Condition = {
        ArnLike = {
          "aws:PrincipalArn" = "arn:aws:iam::${local.account_id}:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_${var.operators}_*"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  #checkov:skip=CKV_AWS_355:Looking at databases and alarms knows no resources; what changes something names them.
  #checkov:skip=CKV_AWS_290:The one change without a resource is a figure in one namespace of CloudWatch.
  name = "failover"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "rds:DescribeDBClusters", "rds:DescribeEvents",
          "rds:DescribeGlobalClusters",
        ]
        Resource = "*"
      },
      {
        Sid    = "Promote"
        Effect = "Allow"
        Action = ["rds:FailoverGlobalCluster", "rds:SwitchoverGlobalCluster"]
        Resource = concat(
          ["arn:aws:rds::${local.account_id}:global-cluster:${var.primary_name}-ledger"],
          [for region, name in var.regions : "arn:aws:rds:${region}:${local.account_id}:cluster:${name}-ledger"],
        )
      },
      {
        Sid      = "Fence"
        Effect   = "Allow"
        Action   = ["dynamodb:DeleteResourcePolicy", "dynamodb:GetResourcePolicy", "dynamodb:PutResourcePolicy"]
        Resource = local.tables
      },
      {
        # Heads tell how far each shard is, and of nobody's money.
        Sid       = "ReadHeads"
        Effect    = "Allow"
        Action    = "dynamodb:BatchGetItem"
        Resource  = local.tables
        Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["head#*"] } }
      },
      {
        Sid      = "ReadHeadsKey"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = [for region in keys(var.regions) : "arn:aws:kms:${region}:${local.account_id}:key/*"]
        Condition = {
          StringEquals               = { "kms:ViaService" = [for region in keys(var.regions) : "dynamodb.${region}.amazonaws.com"] }
          "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/${var.primary_name}-data" }
        }
      },
      {
        Sid       = "TurnTheSwitch"
        Effect    = "Allow"
        Action    = "cloudwatch:PutMetricData"
        Resource  = "*"
        Condition = { StringEquals = { "cloudwatch:namespace" = "payments/failover" } }
      },
      {
        Sid    = "Nodes"
        Effect = "Allow"
        Action = ["eks:DescribeCluster", "eks:DescribeNodegroup", "eks:UpdateNodegroupConfig"]
        Resource = flatten([
          for region, name in var.regions : [
            "arn:aws:eks:${region}:${local.account_id}:cluster/${name}",
            "arn:aws:eks:${region}:${local.account_id}:nodegroup/${name}/*",
          ]
        ])
      },
    ]
  })
}
