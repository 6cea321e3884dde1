# Central configuration: one policy for all accounts and both regions, so members need no Security Hub of their own in Terraform.
locals {
  standards = [
    "aws-foundational-security-best-practices/v/1.0.0",
    "cis-aws-foundations-benchmark/v/3.0.0",
    "pci-dss/v/4.0.1",
  ]
}

resource "aws_securityhub_account" "this" {
  enable_default_standards  = false
  control_finding_generator = "SECURITY_CONTROL"
}

resource "aws_securityhub_finding_aggregator" "this" {
  linking_mode      = "SPECIFIED_REGIONS"
  specified_regions = slice(var.regions, 1, 2)

  depends_on = [aws_securityhub_account.this]
}

resource "aws_securityhub_organization_configuration" "this" {
  auto_enable           = false
  auto_enable_standards = "NONE"

  organization_configuration {
    configuration_type = "CENTRAL"
  }

  depends_on = [aws_securityhub_finding_aggregator.this]
}

resource "aws_securityhub_configuration_policy" "this" {
  name        = "payments"
  description = "Standards that hold in every account"

  configuration_policy {
    service_enabled       = true
    enabled_standard_arns = [for standard in local.standards : "arn:aws:securityhub:${var.regions[0]}::standards/${standard}"]

    security_controls_configuration {
      # New controls of these standards come on by themselves; what is switched off would stand here, with its reason.
      disabled_control_identifiers = []
    }
  }

  depends_on = [aws_securityhub_organization_configuration.this]
}

resource "aws_securityhub_configuration_policy_association" "this" {
  policy_id = aws_securityhub_configuration_policy.this.id
  target_id = var.root_id
}
