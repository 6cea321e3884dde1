# Builds that run here. Rollouts run in the clusters' accounts, inside their networks (module rollout): clusters have no public endpoint.
locals {
  image = "aws/codebuild/amazonlinux-x86_64-standard:5.0"

  # `statements`: what a build may do beside writing its log and passing artifacts on.
  builds = {
    # `make lint` and `make test`, as on a laptop.
    test = { compute = "BUILD_GENERAL1_LARGE", minutes = 60, docker = false, variables = {}, statements = [] }

    image = {
      compute   = "BUILD_GENERAL1_MEDIUM", minutes = 30, docker = true
      variables = { REPOSITORY = aws_ecr_repository.payments[local.region].repository_url, PYTHON_IMAGE = var.python_image }
      statements = [
        { Sid = "LogIn", Effect = "Allow", Action = "ecr:GetAuthorizationToken", Resource = "*" },
        {
          Sid    = "Push"
          Effect = "Allow"
          Action = [
            "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer",
            "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
          ]
          Resource = aws_ecr_repository.payments[local.region].arn
        },
      ]
    }

    # Plans look with a role that may only look; what changes an account runs after an approval, with the plan that was approved.
    plan = {
      compute = "BUILD_GENERAL1_MEDIUM", minutes = 30, docker = false, variables = {}
      statements = [{
        Sid      = "LookAtAccounts", Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession"]
        Resource = [for account in distinct(var.landscape[*].account_id) : "arn:aws:iam::${account}:role/payments-plan"]
      }]
    }

    deploy = {
      compute = "BUILD_GENERAL1_MEDIUM", minutes = 180, docker = false, variables = {}
      statements = [{
        Sid      = "ChangeAccounts", Effect = "Allow", Action = ["sts:AssumeRole", "sts:TagSession"]
        Resource = [for account in distinct(var.landscape[*].account_id) : "arn:aws:iam::${account}:role/payments-deploy"]
      }]
    }
  }
}

resource "aws_codebuild_project" "this" {
  #checkov:skip=CKV_AWS_316:Only the project image is privileged: Docker's builder needs it. Its role may push to one repository and nothing else.
  for_each = local.builds

  name                   = "${var.name}-${each.key}"
  service_role           = aws_iam_role.build[each.key].arn
  encryption_key         = aws_kms_key.this.arn
  build_timeout          = each.value.minutes
  queued_timeout         = 60
  concurrent_build_limit = 2

  source {
    type      = "CODEPIPELINE"
    buildspec = "deploy/delivery/${each.key}.yml"
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type                        = "LINUX_CONTAINER"
    compute_type                = each.value.compute
    image                       = local.image
    image_pull_credentials_type = "CODEBUILD"
    privileged_mode             = each.value.docker

    dynamic "environment_variable" {
      for_each = each.value.variables

      content {
        name  = environment_variable.key
        value = environment_variable.value
      }
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.build[each.key].name
    }
  }
}

resource "aws_cloudwatch_log_group" "build" {
  for_each = local.builds

  name              = "/aws/codebuild/${var.name}-${each.key}"
  kms_key_id        = var.logs_key_arn
  retention_in_days = 400
}

resource "aws_iam_role" "build" {
  for_each = local.builds

  name = "${var.name}-${each.key}"
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

resource "aws_iam_role_policy" "build" {
  for_each = local.builds

  name = "build"
  role = aws_iam_role.build[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Log"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.build[each.key].arn}:*"
        },
        {
          Sid      = "Artifacts"
          Effect   = "Allow"
          Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:GetBucketLocation"]
          Resource = [aws_s3_bucket.artifacts[local.region].arn, "${aws_s3_bucket.artifacts[local.region].arn}/*"]
        },
        {
          Sid      = "ArtifactsKey"
          Effect   = "Allow"
          Action   = ["kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"]
          Resource = aws_kms_key.this.arn
        },
      ],
      each.value.statements,
    )
  })
}
