output "manifests" {
  description = "For terraform.env of the overlay: `terraform output -raw manifests`."
  value       = module.region.manifests
}

output "zone" {
  description = "What the domain above delegates to and, once the zone has been signed for a day, publishes about it."
  value       = { name_servers = module.zone.name_servers, ds_record = module.zone.ds_record }
}
