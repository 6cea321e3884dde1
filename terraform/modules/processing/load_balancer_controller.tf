# The controller binds pods to our one target group. It makes no load balancers, listeners or security group rules: those stand here.
resource "aws_iam_role_policy" "load_balancer_controller" {
  name = "${var.name}-load-balancer-controller"
  role = aws_iam_role.account["load-balancer-controller"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"]
        Resource = aws_lb_target_group.api.arn
      },
      {
        # They only read, and AWS knows no resources for them.
        Effect = "Allow"
        Action = [
          "ec2:DescribeAvailabilityZones",
          "ec2:DescribeInstances",
          "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeSecurityGroups",
          "ec2:DescribeSubnets",
          "ec2:DescribeVpcs",
          "elasticloadbalancing:DescribeTargetGroups",
          "elasticloadbalancing:DescribeTargetHealth",
        ]
        Resource = "*"
      },
    ]
  })
}
