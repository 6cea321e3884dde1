# Rolls versions out to the cluster of this region. It runs here, inside the VPC, because the cluster's endpoint is private; the pipeline in
# the account shared only starts it.
data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.region
  project    = "${var.name}-rollout"
}

resource "aws_codebuild_project" "this" {
  name                   = local.project
  service_role           = aws_iam_role.rollout.arn
  encryption_key         = var.pipeline.artifact_key_arn
  build_timeout          = 300 # a canary of hours, and the way back
  queued_timeout         = 60
  concurrent_build_limit = 1 # two rollouts at once would each take the other's change for a fault

  source {
    type      = "CODEPIPELINE"
    buildspec = "deploy/delivery/rollout.yml"
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type                        = "LINUX_CONTAINER"
    compute_type                = "BUILD_GENERAL1_SMALL"
    image                       = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
    image_pull_credentials_type = "CODEBUILD"

    dynamic "environment_variable" {
      for_each = { CLUSTER = var.cluster_name, OVERLAY = var.overlay, STOP_ALARM = var.stop_alarm_name }

      content {
        name  = environment_variable.key
        value = environment_variable.value
      }
    }
  }

  vpc_config {
    vpc_id             = var.network.vpc_id
    subnets            = var.network.subnet_ids
    security_group_ids = [aws_security_group.this.id]
  }

  logs_config {
    cloudwatch_logs {
      group_name = aws_cloudwatch_log_group.this.name
    }
  }

  # A build that is started before would have no network interface.
  depends_on = [aws_iam_role_policy.rollout]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/codebuild/${local.project}"
  kms_key_id        = var.logs_key_arn
  retention_in_days = 400
}

resource "aws_security_group" "this" {
  name        = local.project
  description = "Builds that roll versions out: nothing comes in, HTTPS goes out"
  vpc_id      = var.network.vpc_id

  tags = { Name = local.project }
}

# To the cluster's endpoint, to AWS, and to where the tools are loaded from.
resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "HTTPS"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}
