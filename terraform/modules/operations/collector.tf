# Who collects, and what it may do. The collector itself is deploy/monitoring/adot.
locals {
  collector = { namespace = "monitoring", service_account = "adot-collector" }
  agent     = "cloudwatch-agent" # as the add-on names it
  trust_pods = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
  # These actions know no resources.
  write_traces = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"]
  write_logs   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
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
      { Sid = "Figures", Effect = "Allow", Action = local.write_logs, Resource = "${aws_cloudwatch_log_group.this["figures"].arn}:*" },
      { Sid = "FindGroup", Effect = "Allow", Action = "logs:DescribeLogGroups", Resource = "arn:aws:logs:${local.region}:${local.account_id}:log-group:*" },
      { Sid = "Prometheus", Effect = "Allow", Action = "aps:RemoteWrite", Resource = aws_prometheus_workspace.this.arn },
      { Sid = "Traces", Effect = "Allow", Action = local.write_traces, Resource = "*" },
    ]
  })
}

resource "aws_eks_pod_identity_association" "collector" {
  cluster_name    = var.watched.cluster_name
  namespace       = local.collector.namespace
  service_account = local.collector.service_account
  role_arn        = aws_iam_role.collector.arn
}

# Container Insights and the shipping of logs: the nodes' own figures, which no pod of ours may read.
resource "aws_iam_role" "agent" {
  name               = "${var.name}-cloudwatch-agent"
  assume_role_policy = local.trust_pods
}

resource "aws_iam_role_policy" "agent" {
  name = "observe"
  role = aws_iam_role.agent.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Logs"
        Effect   = "Allow"
        Action   = local.write_logs
        Resource = [for group in ["application", "dataplane", "host", "performance"] : "${aws_cloudwatch_log_group.this[group].arn}:*"]
      },
      { Sid = "FindGroup", Effect = "Allow", Action = "logs:DescribeLogGroups", Resource = "arn:aws:logs:${local.region}:${local.account_id}:log-group:*" },
      {
        Sid       = "Figures"
        Effect    = "Allow"
        Action    = "cloudwatch:PutMetricData"
        Resource  = "*"
        Condition = { StringEquals = { "cloudwatch:namespace" = ["ContainerInsights", "CWAgent"] } }
      },
      # The agent names nodes and their volumes; these actions know no resources.
      { Sid = "Nodes", Effect = "Allow", Action = ["ec2:DescribeTags", "ec2:DescribeVolumes", "ec2:DescribeInstances"], Resource = "*" },
    ]
  })
}

resource "aws_eks_addon" "observability" {
  cluster_name                = var.watched.cluster_name
  addon_name                  = "amazon-cloudwatch-observability"
  resolve_conflicts_on_update = "OVERWRITE"

  pod_identity_association {
    service_account = local.agent
    role_arn        = aws_iam_role.agent.arn
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.agent]
}
