# For the program: copies of balances, live events, used keys, rates. It may be lost at any time, and everything goes on without it.
resource "aws_elasticache_replication_group" "cache" {
  replication_group_id = "${var.name}-cache"
  description          = "Balances, live events and rates of the ledger"

  engine               = "valkey"
  engine_version       = "9.0"
  node_type            = var.cache.node_type
  parameter_group_name = aws_elasticache_parameter_group.cache.name

  num_cache_clusters         = var.cache.nodes
  automatic_failover_enabled = true
  multi_az_enabled           = true

  subnet_group_name          = aws_elasticache_subnet_group.valkey.name
  security_group_ids         = [aws_security_group.valkey.id]
  at_rest_encryption_enabled = true
  kms_key_id                 = var.key_arns["data"]
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  #checkov:skip=CKV_AWS_31:Users with passwords of their own take the place of one token for all.
  user_group_ids = [aws_elasticache_user_group.cache.id]

  # Nothing in it is worth a snapshot: the journal has it all.
  snapshot_retention_limit = 0
  maintenance_window       = "sun:04:00-sun:05:00"

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.valkey["cache"].name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "engine-log"
  }
}

resource "aws_elasticache_parameter_group" "cache" {
  name        = "${var.name}-cache"
  description = "Full: what has not been used for the longest time goes"
  family      = "valkey9"

  parameter {
    name  = "maxmemory-policy"
    value = "allkeys-lru"
  }
}

resource "aws_elasticache_user" "cache" {
  user_id   = "${var.name}-cache"
  user_name = "payments"
  engine    = "valkey"
  # These commands, on our keys and channels, and no others: a test runs the program with exactly this.
  access_string        = "on ~payments:* &payments:* -@all +@connection +hget +hset +get +set +time +eval +publish +subscribe +pubsub|numsub"
  passwords_wo         = var.passwords.cache
  passwords_wo_version = var.passwords_version
}

resource "aws_elasticache_user_group" "cache" {
  user_group_id = "${var.name}-cache"
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.cache.user_id]
}
