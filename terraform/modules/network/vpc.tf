data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  # The VPC's sixteen bits: three quarters for pods and nodes, the last quarter in /24s for what needs few addresses.
  private_cidrs  = [for zone in range(3) : cidrsubnet(var.cidr, 2, zone)]
  public_cidrs   = [for zone in range(3) : cidrsubnet(var.cidr, 8, 192 + zone)]
  database_cidrs = [for zone in range(3) : cidrsubnet(var.cidr, 8, 208 + zone)]
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

# What nobody has chosen gets nothing: the default group and the default lists have no rules.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_default_route_table" "this" {
  default_route_table_id = aws_vpc.this.default_route_table_id
  route                  = []

  tags = { Name = "${var.name}-unused" }
}
