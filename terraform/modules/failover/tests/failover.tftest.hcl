mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
}

variables {
  regions      = { eu-central-1 = "payments-production", eu-west-1 = "payments-standby" }
  primary_name = "payments-production"
  operators    = "payments-operator"
}

run "for_people_of_one_permission_set" {
  command = apply

  assert {
    condition     = endswith(jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition.ArnLike["aws:PrincipalArn"], "AWSReservedSSO_payments-operator_*")
    error_message = "Programs have no business in this role."
  }
}

run "it_moves_the_ledger_and_cannot_read_it" {
  command = apply

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] == ["head#*"]
      if contains(flatten([statement.Action]), "dynamodb:BatchGetItem")
    ])
    error_message = "Of the journal, only heads may be read."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Sid == "Look" || can(statement.Condition) || !contains(flatten([statement.Resource]), "*")
    ])
    error_message = "Whatever changes something names it."
  }
}
