mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  name   = "payments-production"
  domain = "payments.example"
}

run "signed_and_logged" {
  command = apply

  assert {
    condition     = aws_route53_hosted_zone_dnssec.this.hosted_zone_id == aws_route53_zone.this.zone_id && aws_kms_key.signing.customer_master_key_spec == "ECC_NIST_P256"
    error_message = "The zone is signed, with the only kind of key that Route 53 takes."
  }

  assert {
    condition     = aws_kms_key.signing.region == "us-east-1" && aws_cloudwatch_log_group.queries.region == "us-east-1"
    error_message = "Route 53 finds neither keys nor log groups elsewhere."
  }

  assert {
    condition     = alltrue([for statement in jsondecode(aws_kms_key.signing.policy).Statement : statement.Condition.StringEquals["aws:SourceAccount"] == "123456789012" if can(statement.Principal.Service)])
    error_message = "Route 53 signs for this account alone."
  }
}

run "only_amazon_issues_certificates" {
  command = plan

  assert {
    condition     = contains(aws_route53_record.authorities.records, "0 issue \"amazon.com\"") && contains(aws_route53_record.authorities.records, "0 issuewild \";\"")
    error_message = "Another authority could issue a certificate for the API's name."
  }
}

run "a_name_with_a_dot_at_its_end_is_refused" {
  command = plan

  variables {
    domain = "payments.example."
  }

  expect_failures = [var.domain]
}
