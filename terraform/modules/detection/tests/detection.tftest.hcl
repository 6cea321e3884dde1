# The buckets cannot be destroyed, so nothing is applied here, and what AWS would tell is known from the plan on.
mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "222222222222" }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:222222222222:key/audit" }
  }
}

variables {
  organization_id       = "o-example0000"
  root_id               = "r-exam"
  management_account_id = "111111111111"
  regions               = ["eu-central-1", "eu-west-1"]
  trail_retention_days  = 3650
}

run "guardduty_is_on_for_everybody_in_both_regions" {
  command = plan

  assert {
    condition     = alltrue([for region in var.regions : aws_guardduty_organization_configuration.this[region].auto_enable_organization_members == "ALL"])
    error_message = "Every account is a member, the ones to come too."
  }

  assert {
    condition = alltrue([
      for pair in setproduct(var.regions, ["EKS_AUDIT_LOGS", "RDS_LOGIN_EVENTS", "S3_DATA_EVENTS", "LAMBDA_NETWORK_LOGS"]) :
      aws_guardduty_organization_configuration_feature.this["${pair[0]}-${pair[1]}"].auto_enable == "ALL"
    ])
    error_message = "EKS, RDS, S3 and Lambda are watched."
  }
}

run "the_trail_covers_all_and_can_be_proven" {
  command = plan

  assert {
    condition = (
      aws_cloudtrail.organization.is_organization_trail && aws_cloudtrail.organization.is_multi_region_trail &&
      aws_cloudtrail.organization.enable_log_file_validation && aws_cloudtrail.organization.kms_key_id == aws_kms_key.audit.arn
    )
    error_message = "One trail for all accounts and regions, signed and encrypted."
  }

  assert {
    condition = (
      aws_s3_bucket.this["trail"].object_lock_enabled &&
      aws_s3_bucket_object_lock_configuration.trail.rule[0].default_retention[0].mode == "COMPLIANCE"
    )
    error_message = "Nobody at all may delete log files before their time."
  }

  # What writes is the trail of the management account, and no trail of anybody else's.
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_s3_bucket_policy.this["trail"].policy).Statement :
      statement.Condition.StringEquals["aws:SourceArn"] == "arn:aws:cloudtrail:eu-central-1:111111111111:trail/payments-organization"
      if statement.Effect == "Allow"
    ])
    error_message = "The bucket takes files from the organisation's trail alone."
  }
}

run "one_configuration_of_security_hub" {
  command = plan

  assert {
    condition = (
      aws_securityhub_organization_configuration.this.organization_configuration[0].configuration_type == "CENTRAL" &&
      aws_securityhub_configuration_policy_association.this.target_id == "r-exam"
    )
    error_message = "Security Hub's standards hold for everything under the root."
  }
}

run "a_short_retention_is_refused" {
  command = plan

  variables {
    trail_retention_days = 30
  }

  expect_failures = [var.trail_retention_days]
}
