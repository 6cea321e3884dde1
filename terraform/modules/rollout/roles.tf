# Two roles: one starts builds and belongs to the pipeline, the other is the build's own. Neither can do what the other can.
resource "aws_iam_role" "start" {
  name = "${local.project}-start"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${var.pipeline.account_id}:root" }
      Action    = "sts:AssumeRole"
      # The pipeline's role by name: it may be made anew, and nobody else of that account is meant.
      Condition = { ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::${var.pipeline.account_id}:role/payments-shared-pipeline" } }
    }]
  })
}

resource "aws_iam_role_policy" "start" {
  name = "start"
  role = aws_iam_role.start.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Build"
        Effect   = "Allow"
        Action   = ["codebuild:StartBuild", "codebuild:BatchGetBuilds", "codebuild:StopBuild"]
        Resource = aws_codebuild_project.this.arn
      },
      {
        Sid      = "Artifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketLocation"]
        Resource = [var.pipeline.artifact_bucket_arn, "${var.pipeline.artifact_bucket_arn}/*"]
      },
      { Sid = "ArtifactsKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:DescribeKey"], Resource = var.pipeline.artifact_key_arn },
    ]
  })
}

resource "aws_iam_role" "rollout" {
  name = local.project
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "codebuild.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "rollout" {
  name = "rollout"
  role = aws_iam_role.rollout.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Log", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.this.arn}:*" },
      {
        Sid      = "Artifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketLocation"]
        Resource = [var.pipeline.artifact_bucket_arn, "${var.pipeline.artifact_bucket_arn}/*"]
      },
      { Sid = "ArtifactsKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:DescribeKey"], Resource = var.pipeline.artifact_key_arn },
      # What it may do in the cluster says Kubernetes: the access entry below, and deploy/delivery/rights.yaml.
      { Sid = "FindCluster", Effect = "Allow", Action = "eks:DescribeCluster", Resource = var.cluster_arn },
      # Whether to go on: these actions know no resources.
      { Sid = "Watch", Effect = "Allow", Action = ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"], Resource = "*" },
      {
        Sid    = "FindNetwork"
        Effect = "Allow"
        Action = [
          "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
        ]
        Resource = "*" # CodeBuild makes the interfaces of its builds with this role, before they have a name
      },
      {
        Sid      = "OwnInterface"
        Effect   = "Allow"
        Action   = "ec2:CreateNetworkInterfacePermission"
        Resource = "arn:aws:ec2:${local.region}:${local.account_id}:network-interface/*"
        Condition = {
          StringEquals = { "ec2:AuthorizedService" = "codebuild.amazonaws.com" }
          ArnEquals    = { "ec2:Subnet" = [for subnet in var.network.subnet_ids : "arn:aws:ec2:${local.region}:${local.account_id}:subnet/${subnet}"] }
        }
      },
    ]
  })
}

# No access policy of EKS's: those know nothing of RayServices. The group's rights are a Role in the namespace payments.
resource "aws_eks_access_entry" "rollout" {
  cluster_name      = var.cluster_name
  principal_arn     = aws_iam_role.rollout.arn
  kubernetes_groups = ["payments-rollout"]
}
