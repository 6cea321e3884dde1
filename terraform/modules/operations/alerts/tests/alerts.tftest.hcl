mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:alerts" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/alerts" }
  }
}

variables {
  name        = "payments-staging-alerts"
  region      = "eu-central-1"
  subscribers = { emails = ["oncall@payments.example"] }
}

run "services_speak_for_this_account_alone" {
  command = apply

  assert {
    condition = alltrue([
      for statement in concat(jsondecode(aws_sns_topic_policy.this.policy).Statement, jsondecode(aws_kms_key.this.policy).Statement) :
      try(statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012", false) if can(statement.Principal.Service)
    ])
    error_message = "Another account's alarm could speak here."
  }
}

run "rules_are_let_in_by_topic_and_key_without_a_condition" {
  command = apply

  variables {
    hears_rules = true
  }

  assert {
    condition = [
      for statement in concat(jsondecode(aws_sns_topic_policy.this.policy).Statement, jsondecode(aws_kms_key.this.policy).Statement) :
      can(statement.Condition) if try(statement.Principal.Service == "events.amazonaws.com", false)
    ] == [false, false]
    error_message = "EventBridge says no account to an encrypted topic: with a condition its messages are refused."
  }
}
