# From a commit to all replicas: test, image, staging, a person, a canary, production, standby. deploy/delivery/README.md tells it in words.
locals {
  application = "${var.name}-application"

  # Steps in the clusters' accounts, stage by stage. `step` is what deploy/delivery/run.py is asked for.
  rollouts = [
    { stage = "Staging", actions = [
      { name = "Rollout", step = "rollout", cluster = "staging" },
      { name = "Smoke", step = "smoke", cluster = "staging" },
    ] },
    { stage = "Canary", actions = [{ name = "Canary", step = "canary", cluster = "production" }] },
    { stage = "Production", actions = [{ name = "Rollout", step = "rollout", cluster = "production" }] },
    { stage = "Standby", actions = [{ name = "Rollout", step = "rollout", cluster = "standby" }] },
  ]
  approved = ["Canary"] # a person looks at staging before anything of production is touched
}

resource "aws_codepipeline" "application" {
  name           = local.application
  role_arn       = aws_iam_role.pipeline.arn
  pipeline_type  = "V2"
  execution_mode = "QUEUED" # a newer commit must not interrupt a rollout that is half done

  dynamic "artifact_store" {
    for_each = local.regions

    content {
      type     = "S3"
      location = aws_s3_bucket.artifacts[artifact_store.key].bucket
      region   = artifact_store.key

      encryption_key {
        type = "KMS"
        id   = local.key_arns[artifact_store.key]
      }
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
        DetectChanges        = "false" # the trigger above does that
      }
    }
  }

  stage {
    name = "Test"

    action {
      name            = "Test"
      category        = "Test"
      owner           = "AWS"
      provider        = "CodeBuild"
      version         = "1"
      input_artifacts = ["source"]
      configuration   = { ProjectName = aws_codebuild_project.this["test"].name }
    }
  }

  stage {
    name = "Image"

    action {
      name             = "Build"
      category         = "Build"
      owner            = "AWS"
      provider         = "CodeBuild"
      version          = "1"
      run_order        = 1
      input_artifacts  = ["source"]
      output_artifacts = ["image"]

      configuration = {
        ProjectName          = aws_codebuild_project.this["image"].name
        EnvironmentVariables = jsonencode([{ name = "COMMIT", value = "#{source.CommitId}", type = "PLAINTEXT" }])
      }
    }

    # Ends the run at the first critical or high finding; what it outputs is the image's bill of materials, which is kept with the artifacts.
    action {
      name             = "Scan"
      category         = "Invoke"
      owner            = "AWS"
      provider         = "InspectorScan"
      version          = "1"
      run_order        = 2
      output_artifacts = ["materials"]

      configuration = {
        InspectorRunMode  = "ECRImageScan"
        ECRRepositoryName = aws_ecr_repository.payments[local.region].name
        ImageTag          = "#{source.CommitId}"
        CriticalThreshold = "0"
        HighThreshold     = "0"
      }
    }
  }

  dynamic "stage" {
    for_each = local.rollouts

    content {
      name = stage.value.stage

      # The script of a rollout goes back by itself when it sees why. This is for when it ends without having done so.
      dynamic "on_failure" {
        for_each = contains(["Staging", "Production"], stage.value.stage) ? [1] : []

        content {
          result = "ROLLBACK"
        }
      }

      dynamic "action" {
        for_each = contains(local.approved, stage.value.stage) ? [1] : []

        content {
          name      = "Approve"
          category  = "Approval"
          owner     = "AWS"
          provider  = "Manual"
          version   = "1"
          run_order = 1

          configuration = {
            NotificationArn = module.alerts.topic_arn
            CustomData      = "Staging runs #{source.CommitId}. Approve to give it a share of production's requests."
          }
        }
      }

      dynamic "action" {
        for_each = stage.value.actions

        content {
          name            = action.value.name
          category        = "Build"
          owner           = "AWS"
          provider        = "CodeBuild"
          version         = "1"
          run_order       = action.key + 2
          region          = var.clusters[action.value.cluster].region
          role_arn        = local.starter_arns[action.value.cluster]
          input_artifacts = ["source", "image"]

          configuration = {
            ProjectName   = "${var.clusters[action.value.cluster].name}-rollout"
            PrimarySource = "source"
            EnvironmentVariables = jsonencode([
              { name = "STEP", value = action.value.step, type = "PLAINTEXT" },
              { name = "CANARY_MINUTES", value = tostring(var.canary_minutes), type = "PLAINTEXT" },
            ])
          }
        }
      }
    }
  }
}
