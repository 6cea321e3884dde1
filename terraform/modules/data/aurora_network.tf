resource "aws_db_subnet_group" "ledger" {
  name       = "${var.name}-ledger"
  subnet_ids = var.database_subnet_ids
}

# Without rules for the way out: the database answers, and asks nobody.
resource "aws_security_group" "aurora" {
  name        = "${var.name}-aurora"
  description = "PostgreSQL, for the ledger's pods alone"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-aurora" }
}

resource "aws_vpc_security_group_ingress_rule" "aurora" {
  count = length(var.client_security_group_ids)

  security_group_id            = aws_security_group.aurora.id
  description                  = "PostgreSQL"
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  referenced_security_group_id = var.client_security_group_ids[count.index]
}
