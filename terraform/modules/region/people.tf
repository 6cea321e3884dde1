# People's shells inside the VPC: CloudShell, started with this security group. Kubernetes' API and the database have no other way in, and the cluster's
# operators, the rights in it, `roles.sql` and a failover all need one. No machine waits for anybody.
resource "aws_security_group" "people" {
  #checkov:skip=CKV2_AWS_5:Shells of people are started with it, by hand.
  name        = "${var.name}-people"
  description = "Shells of people: to the Kubernetes API, AWS and PostgreSQL; nothing comes in"
  vpc_id      = module.network.vpc_id

  tags = { Name = "${var.name}-people" }
}

resource "aws_vpc_security_group_egress_rule" "people_https" {
  security_group_id = aws_security_group.people.id
  description       = "Kubernetes, AWS, and where charts are loaded from"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "people_database" {
  security_group_id = aws_security_group.people.id
  description       = "PostgreSQL, with a login of its own"
  ip_protocol       = "tcp"
  from_port         = 5432
  to_port           = 5432
  cidr_ipv4         = var.network.cidr
}
