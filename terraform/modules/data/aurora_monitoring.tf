# Made before the database writes to them: it would make them without a key and without an end.
resource "aws_cloudwatch_log_group" "aurora" {
  for_each = toset(["postgresql", "iam-db-auth-error"])

  name              = "/aws/rds/cluster/${var.name}-ledger/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arns["logs"]
}

# Processes and memory of the machines below the database, which CloudWatch does not see by itself.
resource "aws_iam_role" "aurora_monitoring" {
  name = "${var.name}-aurora-monitoring-${local.region}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "aurora_monitoring" {
  role       = aws_iam_role.aurora_monitoring.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}
