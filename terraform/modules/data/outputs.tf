output "aurora_endpoint" {
  description = "Where the database is written to; in a standby only after it has taken over."
  value       = aws_rds_cluster.ledger.endpoint
}

output "aurora_reader_endpoint" {
  description = "Where the database is read."
  value       = aws_rds_cluster.ledger.reader_endpoint
}

output "aurora_cluster_identifier" {
  description = "Name of the database's cluster in CloudWatch."
  value       = aws_rds_cluster.ledger.cluster_identifier
}

output "aurora_cluster_arn" {
  description = "The database's cluster, for backups and a switch of regions."
  value       = aws_rds_cluster.ledger.arn
}

output "aurora_network" {
  description = "Where a copy of the cluster could stand: subnet group and security groups. Restore tests do."
  value       = { subnet_group_name = aws_db_subnet_group.ledger.name, security_group_ids = [aws_security_group.aurora.id] }
}

output "aurora_resource_id" {
  description = "The cluster's name in policies for logins by IAM."
  value       = aws_rds_cluster.ledger.cluster_resource_id
}

output "global_cluster_identifier" {
  description = "What a standby joins; null without a second region."
  value       = one(aws_rds_global_cluster.ledger[*].id)
}

output "database_secret_arn" {
  description = "The database's URL, without a password."
  value       = aws_secretsmanager_secret.this["database"].arn
}

output "database_admin_secret_arn" {
  description = "Aurora's master user, for people; null in a standby."
  value       = one(aws_secretsmanager_secret.database_admin[*].arn)
}

output "redis_secret_arn" {
  description = "The URL of the program's Valkey."
  value       = aws_secretsmanager_secret.this["redis"].arn
}

output "secret_arns" {
  description = "All secrets that pods take, by the last part of their names."
  value       = { for name, secret in aws_secretsmanager_secret.this : name => secret.arn }
}

output "redis_replication_group_id" {
  description = "The program's Valkey in CloudWatch."
  value       = aws_elasticache_replication_group.cache.id
}

output "ray_store_replication_group_id" {
  description = "Ray's Valkey in CloudWatch."
  value       = aws_elasticache_replication_group.ray.id
}

output "ray_store_address" {
  description = "The redisAddress of the manifests' gcsFaultToleranceOptions."
  value       = "rediss://${aws_elasticache_replication_group.ray.configuration_endpoint_address}:6379"
}

output "table_arns" {
  description = "The tables journal and transactions of this region."
  value       = local.table_arns
}

output "records_bucket" {
  description = "The bucket of the transaction records in this region."
  value       = { name = local.records_bucket, arn = local.records_bucket_arn }
}

output "workload_policies" {
  description = "Policies of this module for each service account."
  value = {
    for account, statements in local.workload_statements :
    account => jsonencode({ Version = "2012-10-17", Statement = statements })
  }
}
