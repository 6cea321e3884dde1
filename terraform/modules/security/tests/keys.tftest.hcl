mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_kms_alias" {
    defaults = { target_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/mrk-copied" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/mrk-made" }
  }
}

variables {
  name                 = "payments-production"
  autoscaling_role_arn = "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
}

run "a_key_for_each_domain_that_rotates" {
  command = apply

  assert {
    condition     = toset(keys(output.key_arns)) == toset(["data", "events", "records", "secrets", "logs", "cluster"])
    error_message = "Other layers name these six domains."
  }

  assert {
    condition     = alltrue([for key in aws_kms_key.this : key.enable_key_rotation && key.deletion_window_in_days == 30])
    error_message = "Keys rotate, and their deletion can be called off for a month."
  }
}

run "nobody_uses_a_key_directly" {
  command = apply

  # Whoever is allowed to encrypt or decrypt comes through a named service, or is a named service or role.
  assert {
    condition = alltrue(flatten([
      for key in aws_kms_key.this : [
        for statement in jsondecode(key.policy).Statement : (
          can(statement.Condition.StringEquals["kms:ViaService"]) ||
          can(statement.Condition.StringEquals["aws:SourceAccount"]) ||
          can(statement.Condition.ArnLike) ||
          !strcontains(jsonencode(statement.Principal), ":root")
        ) if length(setintersection(flatten([statement.Action]), ["kms:Decrypt", "kms:Encrypt", "kms:*", "*"])) > 0
      ]
    ]))
    error_message = "A key's policy lets the account use the key without a service in between."
  }

  assert {
    condition = alltrue(flatten([
      for key in aws_kms_key.this : [
        for statement in jsondecode(key.policy).Statement : can(statement.Condition.Bool["kms:GrantIsForAWSResource"])
        if contains(flatten([statement.Action]), "kms:CreateGrant")
      ]
    ]))
    error_message = "A grant would hand the key on to anybody."
  }

  assert {
    condition = [
      for statement in jsondecode(aws_kms_key.this["events"].policy).Statement : statement.Principal.Service if can(statement.Principal.Service)
    ] == [["sns.amazonaws.com"]]
    error_message = "Of all services, SNS alone uses the events' key by itself."
  }

  assert {
    condition     = strcontains(aws_kms_key.this["logs"].policy, "logs.eu-central-1.amazonaws.com") && !strcontains(aws_kms_key.this["data"].policy, "logs.")
    error_message = "Log groups use the key of the domain logs, and no other."
  }
}

run "the_second_region_gets_copies" {
  command = apply

  variables {
    replica = { region = "eu-west-1", domains = ["data", "records", "secrets"] }
  }

  assert {
    condition     = toset([for domain, key in aws_kms_key.this : domain if key.multi_region]) == toset(["data", "records", "secrets"])
    error_message = "Only what is copied gets a key that works in both regions."
  }

  assert {
    condition = alltrue([
      for key in aws_kms_replica_key.this : key.region == "eu-west-1" && strcontains(key.policy, ".eu-west-1.amazonaws.com") && !strcontains(key.policy, "eu-central-1")
    ])
    error_message = "A copy's policy must name the services of its own region."
  }
}

run "the_standby_takes_the_copies" {
  command = apply

  variables {
    name   = "payments-standby"
    copied = { name = "payments-production", domains = ["data", "records", "secrets"] }
  }

  assert {
    condition     = toset(keys(aws_kms_key.this)) == toset(["events", "logs", "cluster"])
    error_message = "The standby makes the keys that it shares with nobody."
  }

  assert {
    condition     = output.key_arns["data"] == "arn:aws:kms:eu-west-1:123456789012:key/mrk-copied" && data.aws_kms_alias.copied["data"].name == "alias/payments-production-data"
    error_message = "The database in the standby is encrypted with the copy."
  }
}

run "an_unknown_domain_is_refused" {
  command = plan

  variables {
    replica = { region = "eu-west-1", domains = ["everything"] }
  }

  expect_failures = [var.replica]
}
