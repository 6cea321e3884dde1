data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  region     = data.aws_region.current.region
  root       = "arn:aws:iam::${local.account_id}:root"

  # What each domain's key is for. `through`: services through which this account's roles may use the key, if their own policies say
  # so too. `principals`: services that use it by themselves, for this account alone. `roles`: roles that use it without a policy of their own.
  domains = {
    data = {
      description = "Journal, read models and caches: Aurora, DynamoDB, ElastiCache"
      through     = ["rds", "dynamodb", "elasticache", "backup"]
      principals  = []
      roles       = []
    }
    events = {
      description = "Events on their way: Kinesis, SNS, SQS, Lambda"
      through     = ["kinesis", "sns", "sqs", "lambda"]
      # SNS writes into encrypted queues. Alarms, budgets and backups write to a topic with a key of its own (module operations).
      principals = ["sns"]
      roles      = []
    }
    records = {
      description = "Transaction records and what is analysed: S3, Glue, Redshift"
      through     = ["s3", "glue", "redshift-serverless", "redshift"]
      principals  = []
      roles       = []
    }
    secrets = {
      description = "Secrets Manager"
      through     = ["secretsmanager"]
      principals  = []
      roles       = []
    }
    logs = {
      description = "CloudWatch Logs and X-Ray"
      through     = ["logs", "xray", "s3"]
      # CloudFront's log of requests is delivered into a bucket.
      principals = ["delivery.logs"]
      roles      = []
    }
    cluster = {
      description = "EKS: Kubernetes secrets, and the disks of nodes"
      through     = ["eks", "ec2", "ecr"]
      principals  = []
      # The groups of nodes are started by this role, which has no policy for our keys.
      roles = [var.autoscaling_role_arn]
    }
  }

  use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]

  regions = toset(var.replica == null ? [local.region] : [local.region, var.replica.region])

  # Who may do what with a key, by region, since services are named with their region in it.
  statements = {
    for region in local.regions : region => {
      for domain, of in local.domains : domain => concat(
        [
          {
            Sid       = "Administration"
            Effect    = "Allow"
            Principal = { AWS = local.root }
            # Not `kms:*`: whoever administers a key cannot read with it what it protects, nor grant that to anybody.
            Action = [
              "kms:CreateAlias", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*", "kms:Revoke*", "kms:Disable*",
              "kms:Get*", "kms:TagResource", "kms:UntagResource", "kms:ReplicateKey", "kms:RotateKeyOnDemand",
              "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
            ]
            Resource = "*"
          },
          {
            Sid       = "UseThroughServices"
            Effect    = "Allow"
            Principal = { AWS = local.root }
            Action    = local.use
            Resource  = "*"
            Condition = { StringEquals = { "kms:ViaService" = [for service in of.through : "${service}.${region}.amazonaws.com"] } }
          },
          {
            Sid       = "GrantsToServices"
            Effect    = "Allow"
            Principal = { AWS = local.root }
            Action    = "kms:CreateGrant"
            Resource  = "*"
            Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
          },
        ],
        [for statement in [
          {
            Sid       = "UseByServices"
            Effect    = "Allow"
            Principal = { Service = [for service in of.principals : "${service}.amazonaws.com"] }
            Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
            Resource  = "*"
            Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
          },
        ] : statement if length(of.principals) > 0],
        [for statement in [
          {
            Sid       = "UseByLogGroups"
            Effect    = "Allow"
            Principal = { Service = "logs.${region}.amazonaws.com" }
            Action    = local.use
            Resource  = "*"
            # Each log group names itself; those of other accounts cannot be meant.
            Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${region}:${local.account_id}:*" } }
          },
        ] : statement if domain == "logs"],
        [for statement in [
          {
            Sid       = "UseByRoles"
            Effect    = "Allow"
            Principal = { AWS = of.roles }
            Action    = local.use
            Resource  = "*"
          },
          {
            Sid       = "GrantsByRoles"
            Effect    = "Allow"
            Principal = { AWS = of.roles }
            Action    = "kms:CreateGrant"
            Resource  = "*"
            Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
          },
        ] : statement if length(of.roles) > 0],
      )
    }
  }

  policies = {
    for region, domains in local.statements : region => {
      for domain, statements in domains : domain => jsonencode({ Version = "2012-10-17", Statement = statements })
    }
  }
}
