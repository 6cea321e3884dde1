mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "444444444444" }
  }
}

variables {
  organization_id     = "o-example0000"
  pipeline_account_id = "333333333333"
  security_account_id = "222222222222"
  regions             = ["eu-central-1", "eu-west-1"]
}

run "each_role_is_for_one_job_of_the_pipeline" {
  command = apply

  assert {
    condition = alltrue([
      for job, role in aws_iam_role.pipeline :
      jsondecode(role.assume_role_policy).Statement[0].Condition.ArnEquals["aws:PrincipalArn"] == "arn:aws:iam::333333333333:role/payments-shared-${job}" &&
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals["aws:PrincipalOrgID"] == "o-example0000"
    ])
    error_message = "A role of the account is taken by the job of the same name, from inside the organisation."
  }
}

run "the_pipeline_sees_no_customer" {
  command = apply

  assert {
    condition = alltrue([
      for policy in [aws_iam_role_policy.plan.policy, aws_iam_role_policy.deploy.policy] : anytrue([
        for statement in jsondecode(policy).Statement :
        statement.Effect == "Deny" && length(setintersection(flatten([statement.Action]), ["dynamodb:Query", "dynamodb:GetItem", "kinesis:GetRecords"])) == 3
      ])
    ])
    error_message = "Neither plan nor deploy may read the journal or the stream."
  }
}

# AWS's list lets everything be read that has been configured, and with it much that customers have put there.
run "plan_reads_configuration_and_nothing_else" {
  command = apply

  assert {
    condition     = aws_iam_role_policy_attachment.plan.policy_arn == "arn:aws:iam::aws:policy/ReadOnlyAccess"
    error_message = "A plan reads every resource; a narrower list of AWS cannot refresh ours."
  }

  assert {
    condition = length(setsubtract(
      [
        "dynamodb:Scan", "kinesis:GetRecords", "sqs:ReceiveMessage", "logs:GetLogEvents", "logs:FilterLogEvents", "logs:StartQuery", "logs:StartLiveTail",
        "athena:GetQueryResults*", "rds:DownloadDBLogFilePortion", "pi:*", "xray:*Trace*", "redshift-data:*", "ssm:GetParameter*",
        "wafv2:GetSampledRequests", "secretsmanager:BatchGetSecretValue",
      ],
      flatten([
        for statement in jsondecode(aws_iam_role_policy.plan.policy).Statement : flatten([statement.Action])
        if statement.Effect == "Deny" && try(statement.Resource, "") == "*" && !can(statement.Condition)
      ])
    )) == 0
    error_message = "What ReadOnlyAccess gives of customers' data is refused, wherever it lies."
  }

  assert {
    condition = toset(flatten([
      for statement in jsondecode(aws_iam_role_policy.plan.policy).Statement : [for resource in statement.NotResource : split(":", resource)[5]]
      if statement.Effect == "Deny" && statement.Action == "s3:GetObject*"
      ])) == toset([
      "payments-terraform-state-444444444444-eu-central-1/*", "payments-terraform-state-444444444444-eu-west-1/*", "payments-*-trust-store-444444444444/*",
    ])
    error_message = "Of all objects, a plan reads the state and the trust store."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.plan.policy).Statement : [for resource in statement.NotResource : endswith(resource, ":secret:payments/database-??????")]
      if statement.Effect == "Deny" && statement.Action == "secretsmanager:GetSecretValue"
    ]))
    error_message = "Of all secrets, a plan reads the one that holds an address."
  }

  # A denial would win over the leave, and each plan would end there.
  assert {
    condition = length(setintersection(
      [
        "lambda:GetFunction", "backup:GetBackupPlan", "eks:DescribeAddon", "logs:GetDelivery", "athena:GetWorkGroup", "xray:GetGroup", "wafv2:GetWebACL",
        "cognito-idp:DescribeUserPoolClient", "ec2:GetEbsEncryptionByDefault",
      ],
      flatten([for statement in jsondecode(aws_iam_role_policy.plan.policy).Statement : flatten([statement.Action]) if statement.Effect == "Deny"])
    )) == 0
    error_message = "A refusal takes away what a refresh needs."
  }

  assert {
    condition = contains(flatten([
      for statement in jsondecode(aws_iam_role_policy.plan.policy).Statement : statement.Condition.StringEquals["kms:ViaService"]
      if statement.Effect == "Allow" && can(statement.Condition.StringEquals["kms:ViaService"])
    ]), "lambda.eu-west-1.amazonaws.com")
    error_message = "Without decrypting them, a plan sees no settings of functions and wants to write them anew each time."
  }
}

run "the_deployment_cannot_raise_itself" {
  command = apply

  assert {
    condition = anytrue([
      for statement in jsondecode(aws_iam_role_policy.deploy.policy).Statement :
      statement.Effect == "Deny" && contains(flatten([statement.Action]), "iam:AttachRolePolicy") && contains(flatten([statement.Resource]), "arn:aws:iam::444444444444:role/payments-deploy")
    ])
    error_message = "The deployment may not change its own role."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.deploy.policy).Statement :
      alltrue([for resource in flatten([statement.Resource]) : strcontains(resource, "/payments-")])
      if statement.Effect == "Allow" && contains(flatten([statement.Action]), "iam:CreateRole")
    ])
    error_message = "It makes roles with our prefix alone."
  }
}

run "the_baseline_holds_in_both_regions" {
  command = apply

  assert {
    condition     = alltrue([for region in var.regions : aws_ebs_encryption_by_default.this[region].enabled && aws_ec2_instance_metadata_defaults.this[region].http_tokens == "required"])
    error_message = "Disks are encrypted, and machines ask for metadata with a token, wherever they start."
  }

  assert {
    condition     = alltrue([aws_s3_account_public_access_block.this.block_public_policy, aws_s3_account_public_access_block.this.restrict_public_buckets])
    error_message = "No bucket of the account is public."
  }

  assert {
    condition     = [for region in var.regions : aws_config_configuration_recorder.this[region].recording_group[0].include_global_resource_types] == [true, false]
    error_message = "Roles are recorded once."
  }
}
