# Whoever asks Athena about the records: QuickSight here, and people whose permission sets take the output.
locals {
  reader_statements = [
    {
      Sid    = "Ask"
      Effect = "Allow"
      Action = [
        "athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults",
        "athena:GetWorkGroup", "athena:ListNamedQueries", "athena:GetNamedQuery", "athena:BatchGetNamedQuery",
      ]
      Resource = aws_athena_workgroup.records.arn
    },
    {
      Sid    = "Catalogue"
      Effect = "Allow"
      Action = ["glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions"]
      Resource = concat(
        ["arn:${local.partition}:glue:${local.region}:${local.account_id}:catalog", aws_glue_catalog_database.records.arn],
        # Views are made by people, so tables are all those of this database.
        ["arn:${local.partition}:glue:${local.region}:${local.account_id}:table/${aws_glue_catalog_database.records.name}/*"],
      )
    },
    {
      Sid      = "Records"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = [for folder in ["athena", "entries", "events"] : "${var.records_bucket.arn}/${folder}/*"]
    },
    {
      Sid      = "Answers"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
      Resource = "${aws_s3_bucket.results.arn}/*"
    },
    {
      Sid      = "Buckets"
      Effect   = "Allow"
      Action   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
      Resource = [var.records_bucket.arn, aws_s3_bucket.results.arn]
    },
    {
      Sid       = "Key"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = var.key_arns["records"]
      Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
    },
  ]

  reader_policy = jsonencode({ Version = "2012-10-17", Statement = local.reader_statements })
}
