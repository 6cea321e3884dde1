# CloudFront is in no region: the primary brings it, and it serves whichever region is in charge.
module "edge" {
  source = "../edge"
  count  = var.role == "primary" ? 1 : 0

  name                          = var.name
  key_arns                      = module.security.key_arns
  domain                        = var.domain
  zone_id                       = var.zone_id
  origin_domain                 = local.origin_domain
  origin_client_certificate_arn = var.origin.client_certificate_arn
  standby_region                = var.second == null ? null : var.second.region
}
