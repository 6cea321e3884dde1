# EC2's autoscaling makes this role at its first use. The policy of the cluster's key names it before that, and KMS refuses names of nobody.
resource "aws_iam_service_linked_role" "autoscaling" {
  aws_service_name = "autoscaling.amazonaws.com"
}
