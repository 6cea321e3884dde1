# What each kind of pod may do with what is in this module: the calls that the program makes, and no others.
locals {
  database_login = {
    Sid      = "DatabaseLogin"
    Effect   = "Allow"
    Action   = "rds-db:connect"
    Resource = "arn:${local.partition}:rds-db:${local.region}:${local.account_id}:dbuser:${aws_rds_cluster.ledger.cluster_resource_id}/${local.database_user}"
  }

  # DynamoDB decrypts a table in the name of who asks.
  tables_key = {
    Sid       = "TablesKey"
    Effect    = "Allow"
    Action    = "kms:Decrypt"
    Resource  = var.key_arns["data"]
    Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.amazonaws.com" } }
  }

  # A transaction is allowed by those of its parts.
  journal_write = {
    Sid    = "JournalWrite"
    Effect = "Allow"
    Action = [
      "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem",
      "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem",
    ]
    Resource = local.table_arns["journal"]
  }

  journal_read = {
    Sid      = "JournalRead"
    Effect   = "Allow"
    Action   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"]
    Resource = local.table_arns["journal"]
  }

  transactions_write = {
    Sid      = "TransactionsWrite"
    Effect   = "Allow"
    Action   = ["dynamodb:DescribeTable", "dynamodb:PutItem", "dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"]
    Resource = local.table_arns["transactions"]
  }

  records_objects = {
    Sid      = "RecordsObjects"
    Effect   = "Allow"
    Action   = ["s3:PutObject", "s3:GetObject"]
    Resource = "${local.records_bucket_arn}/*"
  }

  records_list = {
    Sid      = "RecordsList"
    Effect   = "Allow"
    Action   = "s3:ListBucket"
    Resource = local.records_bucket_arn
  }

  records_key = {
    Sid       = "RecordsKey"
    Effect    = "Allow"
    Action    = ["kms:GenerateDataKey", "kms:Decrypt"]
    Resource  = var.key_arns["records"]
    Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
  }

  workload_statements = {
    # Hosts own shards: they append, and nobody else does.
    payments-shard-host = [local.database_login, local.journal_write, local.tables_key]
    # The API reads: the shard map, lists, entries of the journal that the lists do not have yet.
    payments-api = [local.database_login, local.journal_read, local.tables_key]
    # Projections, the audit and the bridges read the journal, and carry it on.
    payments-upkeep = [
      local.database_login, local.journal_read, local.tables_key, local.transactions_write,
      local.records_objects, local.records_list, local.records_key,
    ]
  }
}
