mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000005" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name = "payments-production"
  pipeline = {
    account_id          = "000000000003"
    artifact_bucket_arn = "arn:aws:s3:::payments-shared-artifacts-000000000003-eu-central-1"
    artifact_key_arn    = "arn:aws:kms:eu-central-1:000000000003:key/artifacts"
  }
  overlay         = "production"
  cluster_name    = "payments-production"
  cluster_arn     = "arn:aws:eks:eu-central-1:000000000005:cluster/payments-production"
  stop_alarm_name = "payments-stop-deployment"
  network         = { vpc_id = "vpc-1", subnet_ids = ["subnet-1", "subnet-2", "subnet-3"] }
  logs_key_arn    = "arn:aws:kms:eu-central-1:000000000005:key/logs"
}

run "rollout" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role.start.assume_role_policy).Statement[0].Condition == {
      ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::000000000003:role/payments-shared-pipeline" }
    }
    error_message = "Nobody but the pipeline starts a rollout."
  }
  assert {
    condition     = aws_codebuild_project.this.name == "payments-production-rollout" && aws_iam_role.start.name == "payments-production-rollout-start"
    error_message = "The pipeline knows the project and its role by these names."
  }
  assert {
    condition     = aws_codebuild_project.this.concurrent_build_limit == 1 && aws_codebuild_project.this.environment[0].privileged_mode != true
    error_message = "One rollout at a time, without Docker."
  }
  assert {
    condition     = aws_eks_access_entry.rollout.kubernetes_groups == toset(["payments-rollout"])
    error_message = "In the cluster it has the rights of its group and no other."
  }
}

run "overlay_outside" {
  command = plan

  variables {
    overlay = "../../../elsewhere"
  }

  expect_failures = [var.overlay]
}
