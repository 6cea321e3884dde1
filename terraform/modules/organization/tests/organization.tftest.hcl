# Accounts and the organisation cannot be destroyed, so nothing is applied here, and what AWS would tell is known from the plan on.
mock_provider "aws" {
  override_during = plan

  mock_resource "aws_organizations_organizational_unit" {
    defaults = { id = "ou-exam-unit0000" }
  }

  mock_resource "aws_organizations_account" {
    defaults = { id = "222222222222" }
  }
}

variables {
  regions = ["eu-central-1", "eu-west-1"]
  accounts = {
    security   = { email = "aws+security@payments.example" }
    shared     = { email = "aws+shared@payments.example" }
    staging    = { email = "aws+staging@payments.example" }
    production = { email = "aws+production@payments.example" }
  }
}

run "every_account_is_guarded" {
  command = plan

  assert {
    condition = alltrue([
      for guardrail in ["watch", "regions", "records"] : length([
        for attachment in local.guarded_units : attachment if attachment.guardrail == guardrail && contains(["security", "infrastructure", "workloads"], attachment.unit)
      ]) == 3
    ])
    error_message = "All units directly under the root are bound, so that all accounts are."
  }

  assert {
    condition     = alltrue([for account in aws_organizations_account.this : account.parent_id == "ou-exam-unit0000"])
    error_message = "An account directly under the root would be bound by nothing."
  }

  # FullAWSAccess is the fifth, counted along a unit itself.
  assert {
    condition     = alltrue([for unit in ["security", "infrastructure", "workloads", "production"] : length([for attachment in local.guarded_units : 1 if attachment.unit == unit]) <= 4])
    error_message = "A unit takes five policies at most, AWS's own among them."
  }
}

run "guardrails_only_take_away" {
  command = plan

  assert {
    condition     = alltrue(flatten([for policy in aws_organizations_policy.guardrail : [for statement in jsondecode(policy.content).Statement : statement.Effect == "Deny"]]))
    error_message = "A guardrail that allows something is none."
  }

  assert {
    condition     = alltrue([for policy in aws_organizations_policy.guardrail : length(policy.content) <= 5120])
    error_message = "Organizations takes 5,120 characters for a policy at most."
  }
}

run "what_is_forbidden" {
  command = plan

  assert {
    condition = alltrue([
      for action in [
        "organizations:LeaveOrganization", "cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "guardduty:DeleteDetector",
        "guardduty:DisassociateFromAdministratorAccount", "securityhub:DisableSecurityHub",
      ] : strcontains(aws_organizations_policy.guardrail["watch"].content, "\"${action}\"")
    ])
    error_message = "Leaving, and switching the watch off, are forbidden."
  }

  assert {
    condition = alltrue([
      for action in ["s3:BypassGovernanceRetention", "s3:DeleteObjectVersion", "backup:DeleteRecoveryPoint"] :
      strcontains(aws_organizations_policy.guardrail["records"].content, "\"${action}\"")
    ])
    error_message = "Locks, the trail and backups must stay, everywhere."
  }

  assert {
    condition = alltrue([
      for word in ["s3:DeleteObjectVersion", "arn:aws:s3:::payments-records-*/*", "kms:ScheduleKeyDeletion", "dynamodb:DeleteTable"] :
      strcontains(aws_organizations_policy.guardrail["ledger"].content, "\"${word}\"")
    ]) && alltrue([for statement in jsondecode(aws_organizations_policy.guardrail["ledger"].content).Statement : !can(statement.Condition)])
    error_message = "In production nobody deletes records, keys or the ledger, whoever they are."
  }

  assert {
    condition = jsondecode(aws_organizations_policy.guardrail["regions"].content).Statement[0].Condition.StringNotEquals["aws:RequestedRegion"] == [
      "eu-central-1", "eu-west-1", "us-east-1",
    ]
    error_message = "Nothing outside the two regions, but for CloudFront's."
  }

  assert {
    condition     = !contains(jsondecode(aws_organizations_policy.guardrail["regions"].content).Statement[1].NotAction, "ec2:*") && !contains(jsondecode(aws_organizations_policy.guardrail["regions"].content).Statement[1].NotAction, "rds:*")
    error_message = "In us-east-1 there are certificates and firewalls, no machines and no data."
  }
}

run "the_security_account_watches" {
  command = plan

  assert {
    condition = (
      toset([for administrator in aws_guardduty_organization_admin_account.this : administrator.region]) == toset(var.regions) &&
      toset([for administrator in aws_securityhub_organization_admin_account.this : administrator.region]) == toset(var.regions)
    )
    error_message = "Both regions are watched."
  }
}

run "two_accounts_cannot_share_an_address" {
  command = plan

  variables {
    accounts = {
      security   = { email = "aws@payments.example" }
      shared     = { email = "aws@payments.example" }
      staging    = { email = "aws+staging@payments.example" }
      production = { email = "aws+production@payments.example" }
    }
  }

  expect_failures = [var.accounts]
}
