resource "aws_cloudwatch_log_group" "queries" {
  #checkov:skip=CKV_AWS_158:Public names that were asked for; a key of ours in this region would protect nothing.
  region = local.route53_region

  name              = "/aws/route53/${var.domain}"
  retention_in_days = 400
}

resource "aws_cloudwatch_log_resource_policy" "queries" {
  region = local.route53_region

  policy_name = "${var.name}-zone-queries"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "route53.amazonaws.com" }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${aws_cloudwatch_log_group.queries.arn}:*"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_route53_query_log" "this" {
  zone_id                  = aws_route53_zone.this.zone_id
  cloudwatch_log_group_arn = aws_cloudwatch_log_group.queries.arn

  depends_on = [aws_cloudwatch_log_resource_policy.queries]
}
