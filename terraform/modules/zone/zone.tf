data "aws_caller_identity" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  # Route 53 takes keys and log groups from this region alone.
  route53_region = "us-east-1"
}

resource "aws_route53_zone" "this" {
  name    = var.domain
  comment = "Public names of ${var.name}"
}

# Nobody but Amazon issues certificates for these names.
resource "aws_route53_record" "authorities" {
  zone_id = aws_route53_zone.this.zone_id
  name    = var.domain
  type    = "CAA"
  ttl     = 3600
  records = ["0 issue \"amazon.com\"", "0 issuewild \";\""]
}
