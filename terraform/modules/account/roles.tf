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

  database_urls = [for region in var.regions : "arn:aws:secretsmanager:${region}:${local.account_id}:secret:payments/database-??????"]

  analytics_calls = [
    "glue:GetPartitionIndexes", "quicksight:DescribeDashboard", "quicksight:DescribeDashboardDefinition",
    "quicksight:DescribeDashboardPermissions", "quicksight:DescribeDataSet", "quicksight:DescribeDataSetPermissions",
    "quicksight:DescribeDataSetRefreshProperties", "quicksight:DescribeDataSource", "quicksight:DescribeDataSourcePermissions",
    "quicksight:ListTagsForResource",
  ]
  analytics = flatten([
    for region in var.regions : concat(
      [for kind in ["catalog", "database/*", "table/*"] : "arn:aws:glue:${region}:${local.account_id}:${kind}"],
      [for kind in ["dashboard", "dataset", "datasource"] : "arn:aws:quicksight:${region}:${local.account_id}:${kind}/*"],
    )
  ])

  # Clients' secrets of Cognito are in what a plan must read, the pool and the state: no denial helps (README.md of terraform/).
  # Customers' money and data are not configuration: no job of the pipeline reads or writes them. Nor what is written about them on the way:
  # logs of the program and of PostgreSQL, statements, traces, answers to queries, requests that the firewall has kept as samples.
  no_customer_data = {
    Sid    = "NoCustomerData"
    Effect = "Deny"
    Action = [
      "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:GetRecords",
      "dynamodb:PartiQL*", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem",
      "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:PutRecord", "kinesis:PutRecords", "kinesis:SubscribeToShard",
      "rds-data:*", "rds-db:connect", "rds:DownloadCompleteDBLogFile", "rds:DownloadDBLogFilePortion", "pi:*",
      "redshift-data:*", "redshift-serverless:GetCredentials", "sqs:ReceiveMessage", "sqs:SendMessage",
      "athena:*QueryExecution", "athena:GetQueryResults*",
      "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogObject", "logs:GetLogRecord", "logs:GetQueryResults", "logs:StartLiveTail",
      "logs:StartQuery", "logs:Unmask",
      "ebs:GetSnapshotBlock", "ec2:GetConsole*", "wafv2:GetSampledRequests", "xray:*Trace*",
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

# To refresh means to read every resource, by calls that ViewOnlyAccess and SecurityAudit leave out for most services (a function, a backup's
# plan, an add-on of EKS, the delivery of a log). A list of ours would be three hundred calls that change with the provider, and a call that is
# missing ends each plan. So AWS's list allows, and the denials below take out of it what is not configuration. They are the second lock: what
# customers have with us is encrypted with our keys, and this policy decrypts no more than the next one says.
resource "aws_iam_role_policy_attachment" "plan" {
  role       = aws_iam_role.pipeline["plan"].name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
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
        # Terraform compares what a secret is with what it should be. This one holds an address and no password; of the others, whose values
        # are write-only, it asks for the versions alone.
        Sid      = "ReadDatabaseUrl"
        Effect   = "Allow"
        Action   = "secretsmanager:GetSecretValue"
        Resource = local.database_urls
      },
      {
        # Lambda shows the settings of a function, none of which is secret, to those alone who may decrypt them.
        Sid      = "DecryptSettings"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = [for region in var.regions : "arn:aws:kms:${region}:${local.account_id}:key/*"]
        Condition = {
          StringEquals = {
            "kms:ViaService" = flatten([for region in var.regions : [for service in ["lambda", "secretsmanager"] : "${service}.${region}.amazonaws.com"]])
          }
        }
      },
      {
        # What AWS's list lacks of our kinds of resources.
        Sid      = "LookAtAnalytics"
        Effect   = "Allow"
        Action   = local.analytics_calls
        Resource = local.analytics
      },
      {
        Sid         = "NoOtherObjects"
        Effect      = "Deny"
        Action      = "s3:GetObject*"
        NotResource = concat([for bucket in local.state_buckets : "${bucket}/*"], ["arn:aws:s3:::payments-*-trust-store-${local.account_id}/*"])
      },
      {
        Sid         = "NoOtherSecrets"
        Effect      = "Deny"
        Action      = "secretsmanager:GetSecretValue"
        NotResource = local.database_urls
      },
      {
        Sid      = "NoParameters"
        Effect   = "Deny"
        Action   = ["secretsmanager:BatchGetSecretValue", "ssm:GetParameter*"]
        Resource = "*"
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
