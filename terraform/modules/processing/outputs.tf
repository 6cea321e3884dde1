output "cluster_name" {
  description = "Name of the EKS cluster."
  value       = aws_eks_cluster.this.name
}

output "cluster_arn" {
  description = "ARN of the EKS cluster."
  value       = aws_eks_cluster.this.arn
}

output "cluster_endpoint" {
  description = "Address of the Kubernetes API."
  value       = aws_eks_cluster.this.endpoint
}

output "node_security_group_id" {
  description = "Security group of nodes and pods; the databases let it in."
  value       = aws_security_group.node.id
}

output "node_role_arn" {
  description = "Role of the nodes, which pull images."
  value       = aws_iam_role.node.arn
}

output "workload_role_arns" {
  description = "Service account of the namespace payments => its role."
  value       = { for account, role in local.workloads : account => aws_iam_role.account[role].arn }
}

output "ingress_listener_arn" {
  description = "Listener to which the gateway's VPC link sends requests."
  value       = aws_lb_listener.ingress.arn
}

output "ingress_dns_name" {
  description = "Address of the internal load balancer."
  value       = aws_lb.ingress.dns_name
}

output "ingress_domain" {
  description = "Name in the listener's certificate, which the gateway checks."
  value       = var.ingress_domain
}

output "ingress_security_group_id" {
  description = "Security group of the internal load balancer; the VPC link is let in there."
  value       = aws_security_group.load_balancer.id
}

output "ingress_arn_suffix" {
  description = "The load balancer's name in CloudWatch's dimensions."
  value       = aws_lb.ingress.arn_suffix
}

output "api_target_group_arn" {
  description = "Target group that the manifests' TargetGroupBinding fills with the API pods."
  value       = aws_lb_target_group.api.arn
}

output "api_target_group_arn_suffix" {
  description = "The target group's name in CloudWatch's dimensions."
  value       = aws_lb_target_group.api.arn_suffix
}

output "control_plane_log_group_name" {
  description = "Log group of the control plane."
  value       = aws_cloudwatch_log_group.control_plane.name
}
