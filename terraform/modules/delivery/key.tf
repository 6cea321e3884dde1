# For images and artifacts, in both regions. Rollouts in the clusters' accounts read artifacts with it; images they pull without it.
locals {
  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Administration"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account_id}:root" }
        Action = [
          "kms:Describe*", "kms:Get*", "kms:List*", "kms:Put*", "kms:Update*", "kms:Enable*", "kms:Disable*", "kms:CreateAlias",
          "kms:DeleteAlias", "kms:TagResource", "kms:UntagResource", "kms:ReplicateKey", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
        ]
        Resource = "*"
      },
      {
        Sid       = "UseThroughServices"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account_id}:root" }
        Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource  = "*"
        Condition = { StringLike = { "kms:ViaService" = ["s3.*.amazonaws.com", "ecr.*.amazonaws.com", "codebuild.*.amazonaws.com"] } }
      },
      {
        Sid       = "GrantsToServices"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account_id}:root" }
        Action    = "kms:CreateGrant"
        Resource  = "*"
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
      {
        Sid       = "RolloutsReadArtifacts"
        Effect    = "Allow"
        Principal = { AWS = local.account_roots }
        Action    = ["kms:Decrypt", "kms:DescribeKey"]
        Resource  = "*"
        Condition = {
          StringLike = { "kms:ViaService" = "s3.*.amazonaws.com" }
          ArnLike    = { "aws:PrincipalArn" = local.rollout_role_patterns }
        }
      },
    ]
  })
  rollout_role_patterns = flatten([for cluster in values(var.clusters) : [
    "arn:aws:iam::${cluster.account_id}:role/${cluster.name}-rollout", "arn:aws:iam::${cluster.account_id}:role/${cluster.name}-rollout-start",
  ]])

  key_arns = { (local.region) = aws_kms_key.this.arn, (var.second_region) = aws_kms_replica_key.this.arn }
}

resource "aws_kms_key" "this" {
  description             = "Images and artifacts of the pipeline"
  policy                  = local.key_policy
  enable_key_rotation     = true
  multi_region            = true
  deletion_window_in_days = 30

  tags = { Name = "${var.name}-delivery" }
}

resource "aws_kms_replica_key" "this" {
  region = var.second_region

  description             = "Images and artifacts of the pipeline"
  primary_key_arn         = aws_kms_key.this.arn
  policy                  = local.key_policy
  deletion_window_in_days = 30

  tags = { Name = "${var.name}-delivery" }
}

resource "aws_kms_alias" "this" {
  for_each = local.regions

  region = each.key

  name          = "alias/${var.name}-delivery"
  target_key_id = local.key_arns[each.key]
}
