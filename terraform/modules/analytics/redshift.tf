resource "aws_redshiftserverless_namespace" "records" {
  namespace_name = "${var.name}-records"
  db_name        = "records"
  kms_key_id     = var.key_arns["records"]

  admin_username                   = "records_admin"
  manage_admin_password            = true
  admin_password_secret_kms_key_id = var.key_arns["secrets"]

  iam_roles            = [aws_iam_role.copy.arn]
  default_iam_role_arn = aws_iam_role.copy.arn
  log_exports          = ["userlog", "connectionlog", "useractivitylog"]
}

resource "aws_redshiftserverless_workgroup" "records" {
  workgroup_name      = "${var.name}-records"
  namespace_name      = aws_redshiftserverless_namespace.records.namespace_name
  base_capacity       = var.redshift_capacity.base
  max_capacity        = var.redshift_capacity.max
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.redshift.id]
  publicly_accessible = false

  config_parameter {
    parameter_key   = "require_ssl"
    parameter_value = "true"
  }
}

resource "aws_redshiftserverless_usage_limit" "records" {
  resource_arn  = aws_redshiftserverless_workgroup.records.arn
  usage_type    = "serverless-compute"
  amount        = var.redshift_capacity.hours_per_day
  period        = "daily"
  breach_action = "deactivate"
}

resource "aws_security_group" "redshift" {
  name        = "${var.name}-redshift"
  description = "Redshift, for those who are named alone"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-redshift" }
}

resource "aws_vpc_security_group_ingress_rule" "redshift" {
  count = length(var.redshift_client_security_group_ids)

  security_group_id            = aws_security_group.redshift.id
  description                  = "Redshift"
  ip_protocol                  = "tcp"
  from_port                    = 5439
  to_port                      = 5439
  referenced_security_group_id = var.redshift_client_security_group_ids[count.index]
}

# As whom COPY reads the files that a list names.
resource "aws_iam_role" "copy" {
  name = "${var.name}-redshift-copy-${local.region}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"] }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "copy" {
  name = "read"
  role = aws_iam_role.copy.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "s3:GetObject"
        Resource = [for folder in ["entries", "events", "redshift"] : "${var.records_bucket.arn}/${folder}/*"]
      },
      {
        Effect   = "Allow"
        Action   = ["s3:GetBucketLocation", "s3:ListBucket"]
        Resource = var.records_bucket.arn
      },
      {
        Effect    = "Allow"
        Action    = "kms:Decrypt"
        Resource  = var.key_arns["records"]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
      },
    ]
  })
}
