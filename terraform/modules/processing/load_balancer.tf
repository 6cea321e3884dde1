# The API pods' way in, made here so that its listener exists before any pod does: the gateway's VPC link needs its ARN. Pods come and go
# by a TargetGroupBinding. An application load balancer, since the gateway keeps a few long connections: spread by connection, as a
# network load balancer would, most requests would meet a few pods.

locals {
  api_port = 8000
}

resource "aws_lb" "ingress" {
  #checkov:skip=CKV_AWS_91:The gateway's access log has a line for every request that comes through here, with its client.
  name                       = "${var.name}-ingress"
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.private_subnet_ids
  security_groups            = [aws_security_group.load_balancer.id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.deletion_protection
  enable_zonal_shift         = true
  # Longer than the gateway waits (30 s), shorter than the API keeps an idle connection (75 s): a request must not meet a closing one.
  idle_timeout = 60
}

resource "aws_lb_listener" "ingress" {
  load_balancer_arn = aws_lb.ingress.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
  certificate_arn   = aws_acm_certificate_validation.ingress.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.api.arn
  }
}

resource "aws_lb_target_group" "api" {
  # Plain HTTP, as the API's listener speaks it: from here to the pods, requests stay in the private subnets, between two security groups.
  name                          = "${var.name}-api"
  vpc_id                        = var.vpc_id
  target_type                   = "ip"
  protocol                      = "HTTP"
  port                          = local.api_port
  load_balancing_algorithm_type = "least_outstanding_requests"
  # A stopping replica answers what it has taken within 10 seconds.
  deregistration_delay = 20

  # Not /readyz: that asks for the whole ledger, so that one shard without an owner would take every pod out at once.
  health_check {
    path                = "/healthz"
    protocol            = "HTTP"
    matcher             = "200"
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-ingress"
  description = "Load balancer of the API: from the gateway's VPC link, to the pods"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_node" {
  description                  = "API pods"
  security_group_id            = aws_security_group.load_balancer.id
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = "tcp"
  from_port                    = local.api_port
  to_port                      = local.api_port
}

resource "aws_acm_certificate" "ingress" {
  domain_name       = var.ingress_domain
  validation_method = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "ingress_certificate" {
  zone_id = var.zone_id
  name    = one(aws_acm_certificate.ingress.domain_validation_options[*].resource_record_name)
  type    = one(aws_acm_certificate.ingress.domain_validation_options[*].resource_record_type)
  records = aws_acm_certificate.ingress.domain_validation_options[*].resource_record_value
  ttl     = 300
}

resource "aws_acm_certificate_validation" "ingress" {
  certificate_arn         = aws_acm_certificate.ingress.arn
  validation_record_fqdns = [aws_route53_record.ingress_certificate.fqdn]
}
