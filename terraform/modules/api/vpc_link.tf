# After 60 days without a request AWS takes a link's network interfaces away, and needs minutes to bring them back. The standby's link stays
# awake only if its failover is rehearsed more often than that (deploy/failover/README.md).
resource "aws_apigatewayv2_vpc_link" "this" {
  name               = var.name
  subnet_ids         = var.private_subnet_ids
  security_group_ids = [aws_security_group.link.id]
}

resource "aws_security_group" "link" {
  name        = "${var.name}-gateway-link"
  description = "The gateway's link into the VPC: to the load balancer and nowhere else"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "link_to_load_balancer" {
  description                  = "The API's load balancer"
  security_group_id            = aws_security_group.link.id
  referenced_security_group_id = var.ingress_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_from_link" {
  description                  = "The gateway's link"
  security_group_id            = var.ingress_security_group_id
  referenced_security_group_id = aws_security_group.link.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}
