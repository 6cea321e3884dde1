mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000003" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name              = "payments-shared"
  second_region     = "eu-west-1"
  logs_key_arn      = "arn:aws:kms:eu-central-1:000000000003:key/logs"
  source_repository = { provider = "GitHub", id = "example/payments", branch = "main" }
  python_image      = "public.ecr.aws/docker/library/python:3.11-slim-bookworm@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  clusters = {
    staging    = { account_id = "000000000004", region = "eu-central-1", name = "payments-staging" }
    production = { account_id = "000000000005", region = "eu-central-1", name = "payments-production" }
    standby    = { account_id = "000000000005", region = "eu-west-1", name = "payments-standby" }
  }
  landscape = [
    { environment = "staging", account_id = "000000000004" },
    { environment = "production", account_id = "000000000005" },
    { environment = "production-standby", account_id = "000000000005" },
  ]
  approvers = ["operations@example.com"]
}

run "pipelines" {
  command = plan

  assert {
    condition = [for stage in aws_codepipeline.application.stage : stage.name] == [
      "Source", "Test", "Image", "Staging", "Canary", "Production", "Standby",
    ]
    error_message = "A commit is tested, becomes an image, serves in staging, serves a share of production, and then everywhere."
  }
  assert {
    condition = one([
      for stage in aws_codepipeline.application.stage : [for action in stage.action : action.provider] if stage.name == "Canary"
    ]) == ["Manual", "CodeBuild"]
    error_message = "A person says yes before anything of production is touched."
  }
  assert {
    condition = alltrue([
      for stage in aws_codepipeline.application.stage : stage.on_failure[0].result == "ROLLBACK" if contains(["Staging", "Production"], stage.name)
    ])
    error_message = "A rollout that fails goes back."
  }
  assert {
    condition = anytrue(flatten([
      for stage in aws_codepipeline.application.stage : [
        for action in stage.action : action.configuration["CriticalThreshold"] == "0" && action.run_order == 2 if action.provider == "InspectorScan"
      ] if stage.name == "Image"
    ]))
    error_message = "An image with a critical finding goes nowhere."
  }
  assert {
    condition = alltrue(flatten([
      for stage in aws_codepipeline.application.stage : [
        for action in stage.action : startswith(action.role_arn, "arn:aws:iam::00000000000${stage.name == "Staging" ? 4 : 5}:role/payments-")
      if action.provider == "CodeBuild"] if contains(["Staging", "Canary", "Production", "Standby"], stage.name)
    ]))
    error_message = "Rollouts run in the account of their cluster."
  }
  assert {
    condition = alltrue([
      for stage in aws_codepipeline.landscape.stage : toset([for action in stage.action : "${action.run_order} ${action.name}"]) == toset(["1 Plan", "2 Approve", "3 Apply"])
      if stage.name != "Source"
    ])
    error_message = "No account is changed before a person has read the plan."
  }
}

run "images" {
  command = plan

  assert {
    condition = alltrue([
      for repository in aws_ecr_repository.payments : repository.image_tag_mutability == "IMMUTABLE" && repository.encryption_configuration[0].encryption_type == "KMS"
    ]) && toset(keys(aws_ecr_repository.payments)) == toset(["eu-central-1", "eu-west-1"])
    error_message = "Images cannot be changed, and are in both regions."
  }
  assert {
    condition     = [for project in aws_codebuild_project.this : project.name if project.environment[0].privileged_mode == true] == ["payments-shared-image"]
    error_message = "Only the build of images may use Docker."
  }
  assert {
    condition = alltrue([
      for job in ["test", "plan"] : !strcontains(jsonencode(local.builds[job].statements), "role/payments-deploy")
    ])
    error_message = "Only the job deploy may change accounts."
  }
}

run "same_account" {
  command = plan

  variables {
    clusters = {
      staging    = { account_id = "000000000005", region = "eu-central-1", name = "payments-staging" }
      production = { account_id = "000000000005", region = "eu-central-1", name = "payments-production" }
      standby    = { account_id = "000000000005", region = "eu-west-1", name = "payments-standby" }
    }
  }

  expect_failures = [var.clusters]
}

run "image_without_digest" {
  command = plan

  variables {
    python_image = "public.ecr.aws/docker/library/python:3.11-slim-bookworm"
  }

  expect_failures = [var.python_image]
}
