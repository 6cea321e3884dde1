output "zone_id" {
  description = "Id of the zone."
  value       = aws_route53_zone.this.zone_id
}

output "name_servers" {
  description = "What the domain above delegates to."
  value       = aws_route53_zone.this.name_servers
}

output "ds_record" {
  description = "What the domain above publishes, so that signatures are believed. Only after the zone has been signed for a day."
  value       = aws_route53_key_signing_key.this.ds_record
}
