resource "aws_iam_role" "pipeline" {
  name = "${var.name}-pipeline"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "codepipeline.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "pipeline" {
  name = "pipeline"
  role = aws_iam_role.pipeline.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Artifacts"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:GetBucketLocation", "s3:GetBucketVersioning"]
        Resource = flatten([for bucket in values(aws_s3_bucket.artifacts) : [bucket.arn, "${bucket.arn}/*"]])
      },
      {
        Sid      = "ArtifactsKey"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:DescribeKey"]
        Resource = values(local.key_arns)
      },
      { Sid = "Source", Effect = "Allow", Action = ["codeconnections:UseConnection", "codestar-connections:UseConnection"], Resource = aws_codeconnections_connection.this.arn },
      { Sid = "Build", Effect = "Allow", Action = ["codebuild:StartBuild", "codebuild:BatchGetBuilds", "codebuild:StopBuild"], Resource = [for project in values(aws_codebuild_project.this) : project.arn] },
      { Sid = "Rollout", Effect = "Allow", Action = "sts:AssumeRole", Resource = values(local.starter_arns) },
      { Sid = "AskForApproval", Effect = "Allow", Action = "sns:Publish", Resource = module.alerts.topic_arn },
      { Sid = "ApprovalsKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey*"], Resource = module.alerts.key_arn },
      # The scan runs as a build of the pipeline's own. Its actions beside the repository's know no resources.
      { Sid = "Scan", Effect = "Allow", Action = ["inspector-scan:ScanSbom", "ecr:GetAuthorizationToken"], Resource = "*" },
      { Sid = "ScannedImage", Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = aws_ecr_repository.payments[local.region].arn },
      { Sid = "ScanLog", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.scan.arn}:*" },
    ]
  })
}

resource "aws_cloudwatch_log_group" "scan" {
  name              = "/aws/codepipeline/${local.application}" # where CodePipeline's own builds write
  kms_key_id        = var.logs_key_arn
  retention_in_days = 400
}
