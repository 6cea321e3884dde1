locals {
  database = "payments"
  # The program logs in as this role, with a token of IAM in place of a password: roles.sql makes it.
  database_user = "payments"

  instances = { for index in range(var.aurora.instances) : tostring(index + 1) => var.availability_zones[index % 3] }

  insights_days = { standard = 7, advanced = 465 }[var.aurora.insights]
}

resource "aws_rds_global_cluster" "ledger" {
  count = var.second == null ? 0 : 1

  global_cluster_identifier = "${var.name}-ledger"
  engine                    = "aurora-postgresql"
  engine_version            = var.aurora.engine_version
  database_name             = local.database
  storage_encrypted         = true
  deletion_protection       = var.deletion_protection
}

resource "aws_rds_cluster" "ledger" {
  #checkov:skip=CKV2_AWS_8:AWS Backup takes it, by a plan of modules/operations.
  #checkov:skip=CKV2_AWS_27:Slow statements and changes of tables are logged: the parameters stand in a map, which is not looked into.
  cluster_identifier        = "${var.name}-ledger"
  global_cluster_identifier = local.is_primary ? one(aws_rds_global_cluster.ledger[*].id) : var.first.global_cluster_identifier
  source_region             = local.is_primary ? null : var.first.region

  engine                   = "aurora-postgresql"
  engine_version           = var.aurora.engine_version
  engine_lifecycle_support = "open-source-rds-extended-support-disabled"

  # A ledger is nothing but appends: with this storage I/O is part of the price, whatever the load.
  storage_type      = "aurora-iopt1"
  storage_encrypted = true
  kms_key_id        = var.key_arns["data"]

  # A copy has the primary's database and users. RDS itself cannot keep the password of a cluster that is part of a global one.
  database_name              = local.is_primary ? local.database : null
  master_username            = local.is_primary ? "ledger_admin" : null
  master_password_wo         = local.is_primary ? var.passwords.database : null
  master_password_wo_version = local.is_primary ? var.passwords_version : null

  iam_database_authentication_enabled = true
  db_subnet_group_name                = aws_db_subnet_group.ledger.name
  vpc_security_group_ids              = [aws_security_group.aurora.id]
  db_cluster_parameter_group_name     = aws_rds_cluster_parameter_group.ledger.name

  backup_retention_period      = var.aurora.backup_days
  preferred_backup_window      = "01:00-02:00"
  preferred_maintenance_window = "sun:03:00-sun:04:00"
  copy_tags_to_snapshot        = true
  delete_automated_backups     = false
  deletion_protection          = var.deletion_protection
  skip_final_snapshot          = false
  final_snapshot_identifier    = "${var.name}-ledger-final"

  enabled_cloudwatch_logs_exports       = keys(aws_cloudwatch_log_group.aurora)
  database_insights_mode                = var.aurora.insights
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.key_arns["data"]
  performance_insights_retention_period = local.insights_days

  lifecycle {
    # Whom a copy follows is changed by a switch of regions, not here.
    ignore_changes = [replication_source_identifier]
  }
}

resource "aws_rds_cluster_instance" "ledger" {
  #checkov:skip=CKV_AWS_226:Versions are decided in this code, and both regions of a global cluster must have the same one.
  for_each = local.instances

  identifier         = "${var.name}-ledger-${each.key}"
  cluster_identifier = aws_rds_cluster.ledger.id
  engine             = aws_rds_cluster.ledger.engine
  engine_version     = aws_rds_cluster.ledger.engine_version
  instance_class     = var.aurora.instance_class
  availability_zone  = each.value
  # The first two take over from each other; others only if both are gone.
  promotion_tier = each.key == "1" || each.key == "2" ? 0 : 1

  auto_minor_version_upgrade = false
  ca_cert_identifier         = "rds-ca-rsa2048-g1"
  copy_tags_to_snapshot      = true
  publicly_accessible        = false

  monitoring_interval                   = 15
  monitoring_role_arn                   = aws_iam_role.aurora_monitoring.arn
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.key_arns["data"]
  performance_insights_retention_period = local.insights_days
}
