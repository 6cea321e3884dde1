# Service control policies bind everybody in a member account, its administrators too. They give nothing; they only take away.
# Organizations allows 5,120 characters for each, and five on each unit with AWS's own FullAWSAccess among them.
locals {
  # Roles of the security account that tend what the others may not touch.
  security_roles = [
    "arn:aws:iam::${local.security_account_id}:role/payments-deploy",
    "arn:aws:iam::${local.security_account_id}:role/OrganizationAccountAccessRole",
  ]

  # Services without regions: they answer in us-east-1, or nowhere in particular.
  global_services = [
    "account:*", "aws-portal:*", "billing:*", "budgets:*", "ce:*", "cloudfront:*", "consolidatedbilling:*", "cur:*", "freetier:*", "health:*",
    "iam:*", "organizations:*", "payments:*", "pricing:*", "route53:*", "route53domains:*", "s3:GetAccountPublic*", "s3:ListAllMyBuckets",
    "s3:PutAccountPublic*", "shield:*", "sso:*", "sts:*", "support:*", "tag:*", "tax:*", "trustedadvisor:*", "waf:*",
  ]

  # CloudFront's certificate and firewall, DNSSEC's key, and the alarms on all of these live in us-east-1 alone.
  us_east_1_services = ["acm:*", "cloudwatch:*", "kms:*", "logs:*", "sns:*", "wafv2:*"]

  guardrails = {
    # Nobody leaves, nobody switches the watch off, nobody works as root.
    watch = [
      {
        Sid      = "NobodyLeaves"
        Effect   = "Deny"
        Action   = ["organizations:LeaveOrganization", "account:CloseAccount"]
        Resource = "*"
      },
      {
        Sid    = "TheWatchStaysOn"
        Effect = "Deny"
        Action = [
          "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail",
          "config:DeleteConfigurationRecorder", "config:DeleteDeliveryChannel", "config:StopConfigurationRecorder",
          "guardduty:DeleteDetector", "guardduty:DeleteMembers", "guardduty:DisassociateFromAdministratorAccount",
          "guardduty:DisassociateMembers", "guardduty:StopMonitoringMembers", "guardduty:UpdateDetector",
          "guardduty:UpdateMemberDetectors", "guardduty:UpdateOrganizationConfiguration",
          "securityhub:BatchDisableStandards", "securityhub:DeleteMembers", "securityhub:DisableSecurityHub",
          "securityhub:DisassociateFromAdministratorAccount", "securityhub:DisassociateMembers",
          "access-analyzer:DeleteAnalyzer",
        ]
        Resource  = "*"
        Condition = { ArnNotLike = { "aws:PrincipalArn" = local.security_roles } }
      },
      {
        Sid      = "NobodyIsRoot"
        Effect   = "Deny"
        Action   = "*"
        Resource = "*"
        Condition = {
          ArnLike = { "aws:PrincipalArn" = "arn:aws:iam::*:root" }
          # The management account's sessions for what only a root user can do.
          Null = { "aws:AssumedRoot" = "true" }
        }
      },
      {
        # Programs take roles, people come through the identity centre: keys that never expire have no use here.
        Sid      = "NoLastingKeys"
        Effect   = "Deny"
        Action   = ["iam:CreateAccessKey", "iam:CreateUser", "iam:CreateLoginProfile"]
        Resource = "*"
      },
    ]

    regions = [
      {
        Sid       = "TheTwoRegions"
        Effect    = "Deny"
        NotAction = local.global_services
        Resource  = "*"
        Condition = { StringNotEquals = { "aws:RequestedRegion" = concat(var.regions, ["us-east-1"]) } }
      },
      {
        Sid       = "NorthVirginiaForItsServices"
        Effect    = "Deny"
        NotAction = concat(local.global_services, local.us_east_1_services)
        Resource  = "*"
        Condition = { StringEquals = { "aws:RequestedRegion" = "us-east-1" } }
      },
    ]

    # What is kept by law is kept against everybody.
    records = [
      {
        Sid      = "LocksAreNotPassedBy"
        Effect   = "Deny"
        Action   = ["s3:BypassGovernanceRetention", "s3:PutObjectLegalHold"]
        Resource = "*"
      },
      {
        Sid      = "TheTrailStays"
        Effect   = "Deny"
        Action   = ["s3:DeleteBucket", "s3:DeleteObjectVersion"]
        Resource = ["arn:aws:s3:::payments-organization-*", "arn:aws:s3:::payments-organization-*/*"]
      },
      {
        Sid    = "LockedBackupsStay"
        Effect = "Deny"
        Action = [
          "backup:DeleteBackupVault", "backup:DeleteBackupVaultLockConfiguration", "backup:DeleteRecoveryPoint",
          "backup:UpdateRecoveryPointLifecycle",
        ]
        Resource = "*"
      },
    ]

    # Staging may be torn down, production may not: and a key's end is the end of everything under it, locked or not.
    ledger = [
      {
        Sid      = "KeysOfTheLedgerStay"
        Effect   = "Deny"
        Action   = ["kms:DisableKey", "kms:ScheduleKeyDeletion"]
        Resource = "*"
      },
      {
        Sid      = "TheRecordsStay"
        Effect   = "Deny"
        Action   = ["s3:DeleteBucket", "s3:DeleteObjectVersion"]
        Resource = ["arn:aws:s3:::payments-records-*", "arn:aws:s3:::payments-records-*/*"]
      },
      {
        Sid    = "TheLedgerStays"
        Effect = "Deny"
        Action = ["dynamodb:DeleteTable", "rds:DeleteDBCluster", "rds:DeleteGlobalCluster"]
        Resource = [
          "arn:aws:dynamodb:*:*:table/payments-journal",
          "arn:aws:rds:*:*:cluster:payments-*",
          "arn:aws:rds::*:global-cluster:payments-*",
        ]
      },
    ]
  }

  # Where each holds. The management account is bound by none of them: AWS does not allow it.
  guarded_units = merge(
    {
      for pair in setproduct(["watch", "regions", "records"], ["security", "infrastructure", "workloads"]) :
      "${pair[0]}-${pair[1]}" => { guardrail = pair[0], unit = pair[1] }
    },
    { "ledger-production" = { guardrail = "ledger", unit = "production" } },
  )

  unit_ids = {
    security       = aws_organizations_organizational_unit.security.id
    infrastructure = aws_organizations_organizational_unit.infrastructure.id
    workloads      = aws_organizations_organizational_unit.workloads.id
    production     = aws_organizations_organizational_unit.production.id
  }
}

resource "aws_organizations_policy" "guardrail" {
  for_each = local.guardrails

  name        = "payments-${each.key}"
  description = "Guardrail ${each.key}: terraform/modules/organization/guardrails.tf"
  type        = "SERVICE_CONTROL_POLICY"
  content     = jsonencode({ Version = "2012-10-17", Statement = each.value })
}

resource "aws_organizations_policy_attachment" "guardrail" {
  for_each = local.guarded_units

  policy_id = aws_organizations_policy.guardrail[each.value.guardrail].id
  target_id = local.unit_ids[each.value.unit]
}
