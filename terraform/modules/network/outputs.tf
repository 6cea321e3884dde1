output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "vpc_cidr" {
  description = "The VPC's addresses."
  value       = aws_vpc.this.cidr_block
}

output "public_subnet_ids" {
  description = "Subnets with a route to the internet, one in each zone."
  value       = aws_subnet.public[*].id
}

output "private_subnet_ids" {
  description = "Subnets of nodes and pods, one in each zone; out through NAT, nothing in."
  value       = aws_subnet.private[*].id
}

output "database_subnet_ids" {
  description = "Subnets of databases, one in each zone, without any way out."
  value       = aws_subnet.database[*].id
}
