# Two ways into the account for the pipeline of `shared`, each for one job there and for nobody else: plan looks, deploy changes what Terraform
# describes. Manifests come to the cluster by another way (modules/rollout), from inside its own network.
locals {
  jobs = toset(["plan", "deploy"])

  # What is under a path of AWS's own, such as service-linked roles, is not ours to change.
  own_roles = [
    "arn:aws:iam::${local.account_id}:role/payments-*",
    "arn:aws:iam::${local.account_id}:policy/payments-*",
    "arn:aws:iam::${local.account_id}:instance-profile/payments-*",
  ]

  state_buckets = [for region in var.regions : "arn:aws:s3:::payments-terraform-state-${local.account_id}-${region}"]

  # Customers' money and data are not configuration: no job of the pipeline reads or writes them.
  no_customer_data = {
    Sid    = "NoCustomerData"
    Effect = "Deny"
    Action = [
      "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:GetRecords",
      "dynamodb:PartiQL*", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem",
      "kinesis:GetRecords", "kinesis:PutRecord", "kinesis:PutRecords", "rds-data:*", "rds-db:connect", "redshift-data:*",
      "sqs:ReceiveMessage", "sqs:SendMessage",
    ]
    Resource = "*"
  }

  no_records = {
    Sid      = "NoRecords"
    Effect   = "Deny"
    Action   = ["s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*"]
    Resource = "arn:aws:s3:::payments-records-*/*"
  }
}

resource "aws_iam_role" "pipeline" {
  #checkov:skip=CKV_AWS_61:The principal is the pipeline's account, and the conditions leave one role of it.
  for_each = local.jobs

  name                 = "payments-${each.key}"
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::${var.pipeline_account_id}:root" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = { "aws:PrincipalOrgID" = var.organization_id }
        # By name and not as the principal: the pipeline's roles need not be there yet, and may be made anew.
        ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::${var.pipeline_account_id}:role/payments-shared-${each.key}" }
      }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "plan" {
  for_each = toset(["SecurityAudit", "job-function/ViewOnlyAccess"])

  role       = aws_iam_role.pipeline["plan"].name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

resource "aws_iam_role_policy" "plan" {
  name = "state"
  role = aws_iam_role.pipeline["plan"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadState"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:ListBucket"]
        Resource = concat(local.state_buckets, [for bucket in local.state_buckets : "${bucket}/*"])
      },
      {
        # A plan takes the lock too, which is an object beside the state; the state itself it cannot write.
        Sid      = "LockState"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:DeleteObject"]
        Resource = [for bucket in local.state_buckets : "${bucket}/*.tflock"]
      },
      {
        Sid       = "DecryptState"
        Effect    = "Allow"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = ["arn:aws:kms:*:${local.account_id}:key/*"]
        Condition = { "ForAnyValue:StringEquals" = { "kms:ResourceAliases" = "alias/payments-terraform-state" } }
      },
      {
        # Terraform compares what a secret is with what it should be. This one holds an address and no password.
        Sid      = "ReadDatabaseUrl"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = [for region in var.regions : "arn:aws:secretsmanager:${region}:${local.account_id}:secret:payments/database-??????"]
      },
      {
        Sid       = "DecryptDatabaseUrl"
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = [for region in var.regions : "arn:aws:kms:${region}:${local.account_id}:key/*"]
        Condition = { StringEquals = { "kms:ViaService" = [for region in var.regions : "secretsmanager.${region}.amazonaws.com"] } }
      },
      local.no_customer_data,
    ]
  })
}

# All services but IAM, which the next policy gives for our own names.
resource "aws_iam_role_policy_attachment" "deploy" {
  role       = aws_iam_role.pipeline["deploy"].name
  policy_arn = "arn:aws:iam::aws:policy/PowerUserAccess"
}

resource "aws_iam_role_policy" "deploy" {
  #checkov:skip=CKV_AWS_289:It deploys, so it manages roles: those whose names begin with payments- alone.
  #checkov:skip=CKV_AWS_286:A role of ours that it makes could do more than it does itself; the guardrails of the organisation bind that role too.
  #checkov:skip=CKV_AWS_287:Passing roles is what deploying a function or a cluster is.
  name = "roles"
  role = aws_iam_role.pipeline["deploy"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "OwnRoles"
        Effect = "Allow"
        Action = [
          "iam:AddRoleToInstanceProfile", "iam:AttachRolePolicy", "iam:CreateInstanceProfile", "iam:CreatePolicy",
          "iam:CreatePolicyVersion", "iam:CreateRole", "iam:DeleteInstanceProfile", "iam:DeletePolicy",
          "iam:DeletePolicyVersion", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PassRole", "iam:PutRolePolicy",
          "iam:RemoveRoleFromInstanceProfile", "iam:SetDefaultPolicyVersion", "iam:Tag*", "iam:Untag*", "iam:UpdateAssumeRolePolicy",
          "iam:UpdateRole", "iam:UpdateRoleDescription",
        ]
        Resource = local.own_roles
      },
      {
        # Its own role and plan's are changed by people with the management account's role, not by themselves.
        Sid    = "NotItself"
        Effect = "Deny"
        Action = [
          "iam:AttachRolePolicy", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy",
          "iam:UpdateAssumeRolePolicy",
        ]
        Resource = [for job in local.jobs : "arn:aws:iam::${local.account_id}:role/payments-${job}"]
      },
      {
        Sid      = "LookAtAllRoles"
        Effect   = "Allow"
        Action   = ["iam:Get*", "iam:List*"]
        Resource = "*"
      },
      {
        Sid      = "ServiceLinkedRoles"
        Effect   = "Allow"
        Action   = ["iam:CreateServiceLinkedRole", "iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"]
        Resource = "arn:aws:iam::${local.account_id}:role/aws-service-role/*"
      },
      {
        Sid      = "PasswordPolicy"
        Effect   = "Allow"
        Action   = ["iam:UpdateAccountPasswordPolicy"]
        Resource = "*"
      },
      local.no_customer_data,
      local.no_records,
    ]
  })
}
