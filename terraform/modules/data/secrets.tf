# What the manifests take from Secrets Manager. Each region has its own, under the same names: they name what is near.
resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:Passwords change with passwords_version, together with the users that have them; the database's login has none.
  for_each = {
    database    = "The setting database_url. No password: the program logs in with a token of IAM."
    redis       = "The setting redis_url."
    "ray-redis" = "User and password of Ray's control store."
    "ray-token" = "What nodes of the Ray cluster show each other."
  }

  name                    = "payments/${each.key}"
  description             = each.value
  kms_key_id              = var.key_arns["secrets"]
  recovery_window_in_days = 30
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id     = aws_secretsmanager_secret.this["database"].id
  secret_string = "postgresql://${local.database_user}@${aws_rds_cluster.ledger.endpoint}:5432/${local.database}?sslmode=verify-full"
}

resource "aws_secretsmanager_secret_version" "redis" {
  secret_id                = aws_secretsmanager_secret.this["redis"].id
  secret_string_wo         = "rediss://${aws_elasticache_user.cache.user_name}:${var.passwords.cache}@${aws_elasticache_replication_group.cache.primary_endpoint_address}:6379/0"
  secret_string_wo_version = var.passwords_version
}

resource "aws_secretsmanager_secret_version" "ray_redis" {
  secret_id                = aws_secretsmanager_secret.this["ray-redis"].id
  secret_string_wo         = jsonencode({ username = aws_elasticache_user.ray.user_name, password = var.passwords.ray_store })
  secret_string_wo_version = var.passwords_version
}

resource "aws_secretsmanager_secret_version" "ray_token" {
  secret_id                = aws_secretsmanager_secret.this["ray-token"].id
  secret_string_wo         = var.passwords.ray_token
  secret_string_wo_version = var.passwords_version
}

# For people in an emergency, and once for roles.sql; no workload may read it. The second region has a copy, as its database will have the same user.
resource "aws_secretsmanager_secret" "database_admin" {
  #checkov:skip=CKV2_AWS_57:RDS cannot rotate the password of a cluster that is part of a global one; passwords_version does.
  count = local.is_primary ? 1 : 0

  name                    = "payments/database-admin"
  description             = "Aurora's master user."
  kms_key_id              = var.key_arns["secrets"]
  recovery_window_in_days = 30

  dynamic "replica" {
    for_each = var.second[*]

    content {
      region     = replica.value.region
      kms_key_id = replica.value.key_arns["secrets"]
    }
  }
}

resource "aws_secretsmanager_secret_version" "database_admin" {
  count = local.is_primary ? 1 : 0

  secret_id = aws_secretsmanager_secret.database_admin[0].id
  secret_string_wo = jsonencode({
    username = aws_rds_cluster.ledger.master_username
    password = var.passwords.database
    host     = aws_rds_cluster.ledger.endpoint
    dbname   = local.database
  })
  secret_string_wo_version = var.passwords_version
}
