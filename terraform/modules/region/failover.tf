# People who move the ledger to the other region put Ray to sleep here, and wake it up there. What that takes in Kubernetes says
# deploy/failover/rights.yaml.
resource "aws_eks_access_entry" "failover" {
  count = var.first == null && var.second == null ? 0 : 1

  cluster_name      = module.processing.cluster_name
  principal_arn     = var.failover_role_arn
  kubernetes_groups = ["payments-failover"]
}
