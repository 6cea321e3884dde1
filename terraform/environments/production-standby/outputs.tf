output "manifests" {
  description = "For terraform.env of the overlay: `terraform output -raw manifests`."
  value       = module.region.manifests
}
