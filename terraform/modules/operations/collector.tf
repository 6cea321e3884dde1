# Who collects, and what it may do. The collector itself is deploy/monitoring/adot.
locals {
  collector = { namespace = "monitoring", service_account = "adot-collector" }
  trust_pods = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role" "collector" {
  name               = "${var.name}-adot-collector"
  assume_role_policy = local.trust_pods
}

resource "aws_iam_role_policy" "collector" {
  name = "collect"
  role = aws_iam_role.collector.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Figures", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], Resource = "${aws_cloudwatch_log_group.this["figures"].arn}:*" },
      { Sid = "FindGroup", Effect = "Allow", Action = "logs:DescribeLogGroups", Resource = "arn:aws:logs:${local.region}:${local.account_id}:log-group:*" },
      { Sid = "Prometheus", Effect = "Allow", Action = "aps:RemoteWrite", Resource = aws_prometheus_workspace.this.arn },
      # These actions know no resources.
      { Sid = "Traces", Effect = "Allow", Action = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"], Resource = "*" },
    ]
  })
}

resource "aws_eks_pod_identity_association" "collector" {
  cluster_name    = var.watched.cluster_name
  namespace       = local.collector.namespace
  service_account = local.collector.service_account
  role_arn        = aws_iam_role.collector.arn
}
