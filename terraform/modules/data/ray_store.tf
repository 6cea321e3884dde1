# For Ray alone: what its control store must know again when the head has died. ElastiCache has no append-only file; without durability a
# failover may lose writes that were acknowledged, and then a new head would not know actors and placements that live. So this one writes to the
# log over zones before it answers. That needs the cluster mode, and Ray one single shard. The head ends when the writer changes, and finds
# the new one when Kubernetes has started it again.
#
# It is not the program's: the two fill up, are upgraded, and are lost for different reasons, and money depends on neither.
resource "aws_elasticache_replication_group" "ray" {
  replication_group_id = "${var.name}-ray"
  description          = "Ray's control store"

  engine               = "valkey"
  engine_version       = "9.0"
  node_type            = var.ray_store.node_type
  parameter_group_name = aws_elasticache_parameter_group.ray.name
  durability           = "sync"

  cluster_mode               = "enabled"
  num_node_groups            = 1
  replicas_per_node_group    = 1
  automatic_failover_enabled = true
  multi_az_enabled           = true

  subnet_group_name          = aws_elasticache_subnet_group.valkey.name
  security_group_ids         = [aws_security_group.valkey.id]
  at_rest_encryption_enabled = true
  kms_key_id                 = var.key_arns["data"]
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  #checkov:skip=CKV_AWS_31:Users with passwords of their own take the place of one token for all.
  user_group_ids = [aws_elasticache_user_group.ray.id]

  snapshot_retention_limit = 1
  snapshot_window          = "01:00-02:00"
  maintenance_window       = "sun:05:00-sun:06:00"

  log_delivery_configuration {
    destination      = aws_cloudwatch_log_group.valkey["ray"].name
    destination_type = "cloudwatch-logs"
    log_format       = "json"
    log_type         = "engine-log"
  }
}

resource "aws_elasticache_parameter_group" "ray" {
  name        = "${var.name}-ray"
  description = "Full: refuse, and never forget"
  family      = "valkey9"

  parameter {
    name  = "cluster-enabled"
    value = "yes"
  }

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_user" "ray" {
  user_id   = "${var.name}-ray"
  user_name = "ray"
  engine    = "valkey"
  # Seen to be enough for the control store of Ray 2.60 to start, to start again and to be cleaned up, on a Valkey in cluster mode.
  access_string        = "on ~* -@all +@connection +@hash +info +incrby +del +unlink +scan"
  passwords_wo         = var.passwords.ray_store
  passwords_wo_version = var.passwords_version
}

resource "aws_elasticache_user_group" "ray" {
  user_group_id = "${var.name}-ray"
  engine        = "valkey"
  user_ids      = [aws_elasticache_user.ray.user_id]
}
