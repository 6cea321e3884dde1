# The security account administers GuardDuty for the organisation, in both regions. Members have no detector of their own in Terraform:
# they are enrolled from here, and AWS lets nobody but the administrator change what is on.
locals {
  features = toset(["S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS", "RUNTIME_MONITORING"])

  features_by_region = {
    for pair in setproduct(var.regions, local.features) : "${pair[0]}-${pair[1]}" => { region = pair[0], feature = pair[1] }
  }

  # The agent on the nodes of EKS is installed and kept up to date by GuardDuty itself.
  agents = { RUNTIME_MONITORING = ["EKS_ADDON_MANAGEMENT"] }
}

resource "aws_guardduty_detector" "this" {
  for_each = toset(var.regions)

  region                       = each.key
  enable                       = true
  finding_publishing_frequency = "FIFTEEN_MINUTES"
}

resource "aws_guardduty_detector_feature" "this" {
  for_each = local.features_by_region

  region      = each.value.region
  detector_id = aws_guardduty_detector.this[each.value.region].id
  name        = each.value.feature
  status      = "ENABLED"

  dynamic "additional_configuration" {
    for_each = lookup(local.agents, each.value.feature, [])

    content {
      name   = additional_configuration.value
      status = "ENABLED"
    }
  }
}

resource "aws_guardduty_organization_configuration" "this" {
  for_each = toset(var.regions)

  region                           = each.key
  detector_id                      = aws_guardduty_detector.this[each.key].id
  auto_enable_organization_members = "ALL"
}

resource "aws_guardduty_organization_configuration_feature" "this" {
  for_each = local.features_by_region

  region      = each.value.region
  detector_id = aws_guardduty_detector.this[each.value.region].id
  name        = each.value.feature
  auto_enable = "ALL"

  dynamic "additional_configuration" {
    for_each = lookup(local.agents, each.value.feature, [])

    content {
      name        = additional_configuration.value
      auto_enable = "ALL"
    }
  }

  depends_on = [aws_guardduty_organization_configuration.this]
}
