resource "aws_elasticache_subnet_group" "valkey" {
  name       = "${var.name}-valkey"
  subnet_ids = var.database_subnet_ids
}

resource "aws_security_group" "valkey" {
  name        = "${var.name}-valkey"
  description = "Valkey, for the ledger's pods alone"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-valkey" }
}

resource "aws_vpc_security_group_ingress_rule" "valkey" {
  count = length(var.client_security_group_ids)

  security_group_id            = aws_security_group.valkey.id
  description                  = "Valkey"
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
  referenced_security_group_id = var.client_security_group_ids[count.index]
}

resource "aws_cloudwatch_log_group" "valkey" {
  for_each = toset(["cache", "ray"])

  name              = "/aws/elasticache/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arns["logs"]
}
