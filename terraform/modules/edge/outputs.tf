output "distribution_id" {
  description = "Id of the CloudFront distribution."
  value       = aws_cloudfront_distribution.this.id
}

output "domain" {
  description = "Public name of the API."
  value       = var.domain
}

output "distribution_domain_name" {
  description = "CloudFront's own name for the distribution."
  value       = aws_cloudfront_distribution.this.domain_name
}

output "web_acl_arn" {
  description = "ARN of the firewall, in us-east-1."
  value       = aws_wafv2_web_acl.this.arn
}

output "web_acl_name" {
  description = "Name of the firewall, as its metrics in us-east-1 bear it."
  value       = aws_wafv2_web_acl.this.name
}

output "health_check_ids" {
  description = "Route 53 health checks, whose metrics are in us-east-1: public is what clients see."
  value       = { public = aws_route53_health_check.public.id }
}

output "primary_health_check_id" {
  description = "Health check that withdraws the primary's record while the failover switch is on; null without a standby."
  value       = one(aws_route53_health_check.primary[*].id)
}

output "failover_switch" {
  description = "Metric that turns the switch, in standby_region: 1 withdraws the primary, 0 lets it back."
  value       = local.failover_switch
}
