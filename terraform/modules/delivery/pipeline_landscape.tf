# The landscape itself: environment after environment, each planned, read by a person, and applied as it was planned.
resource "aws_codepipeline" "landscape" {
  name           = "${var.name}-landscape"
  role_arn       = aws_iam_role.pipeline.arn
  pipeline_type  = "V2"
  execution_mode = "QUEUED"

  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.artifacts[local.region].bucket

    encryption_key {
      type = "KMS"
      id   = local.key_arns[local.region]
    }
  }

  trigger {
    provider_type = "CodeStarSourceConnection"

    git_configuration {
      source_action_name = "Source"

      push {
        branches {
          includes = [var.source_repository.branch]
        }
        file_paths {
          includes = ["terraform/**"]
        }
      }
    }
  }

  stage {
    name = "Source"

    action {
      name             = "Source"
      category         = "Source"
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"
      namespace        = "source"
      output_artifacts = ["source"]

      configuration = {
        ConnectionArn        = aws_codeconnections_connection.this.arn
        FullRepositoryId     = var.source_repository.id
        BranchName           = var.source_repository.branch
        OutputArtifactFormat = "CODE_ZIP"
        DetectChanges        = "false"
      }
    }
  }

  dynamic "stage" {
    for_each = var.landscape

    content {
      name = stage.value.environment

      # Names of artifacts become names of variables in the build, so they have no hyphens.
      dynamic "action" {
        for_each = {
          Plan  = { order = 1, project = "plan", role = "payments-plan", in = ["source"], out = ["plan_${replace(stage.value.environment, "-", "_")}"] }
          Apply = { order = 3, project = "deploy", role = "payments-deploy", in = ["source", "plan_${replace(stage.value.environment, "-", "_")}"], out = [] }
        }

        content {
          name             = action.key
          category         = "Build"
          owner            = "AWS"
          provider         = "CodeBuild"
          version          = "1"
          run_order        = action.value.order
          input_artifacts  = action.value.in
          output_artifacts = action.value.out

          configuration = {
            ProjectName   = aws_codebuild_project.this[action.value.project].name
            PrimarySource = "source"
            EnvironmentVariables = jsonencode([
              { name = "ENVIRONMENT", value = stage.value.environment, type = "PLAINTEXT" },
              { name = "ROLE_ARN", value = "arn:aws:iam::${stage.value.account_id}:role/${action.value.role}", type = "PLAINTEXT" },
            ])
          }
        }
      }

      action {
        name      = "Approve"
        category  = "Approval"
        owner     = "AWS"
        provider  = "Manual"
        version   = "1"
        run_order = 2

        configuration = {
          NotificationArn = module.alerts.topic_arn
          CustomData      = "Read the plan for ${stage.value.environment} in the log of Plan before it is applied."
        }
      }
    }
  }
}
