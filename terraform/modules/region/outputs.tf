output "manifests" {
  description = "What the overlay's terraform.env says of this region; the pipeline adds the image."
  value       = <<-EOT
    region=${local.region}
    vpc_cidr=${module.network.vpc_cidr}
    redis_address=${module.data.ray_store_address}
    records_bucket=${module.data.records_bucket.name}
    target_group_arn=${module.processing.api_target_group_arn}
  EOT
}
