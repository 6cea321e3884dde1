output "vpc_id" {
  description = "The region's VPC."
  value       = module.network.vpc_id
}
