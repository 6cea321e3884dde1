# Who collects figures and carries alerts, and what they may do. What they are is in deploy/monitoring.
#
# No managed Prometheus and no managed Grafana: the Prometheus in the cluster says why something is wrong, CloudWatch says whether, outlives the
# cluster and keeps what matters for 15 months. A third place for the same rules would cost by the sample and by the person, and tell nothing new.
locals {
  # Pods in the namespace `monitoring`. The alert manager's name is what its chart makes of the release `monitoring`.
  monitors = {
    adot-collector = {
      service_account = "adot-collector"
      statements = [
        {
          Sid      = "Figures"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.this["figures"].arn}:*"
        },
        {
          Sid      = "FindGroup"
          Effect   = "Allow"
          Action   = ["logs:DescribeLogGroups"]
          Resource = "arn:aws:logs:${local.region}:${local.account_id}:log-group:*"
        },
        {
          Sid      = "Traces"
          Effect   = "Allow"
          Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"]
          Resource = "*" # these actions know no resources
        },
      ]
    }
    alertmanager = {
      service_account = "monitoring-kube-prometheus-alertmanager"
      statements = [
        { Sid = "Alert", Effect = "Allow", Action = ["sns:Publish"], Resource = module.alerts.topic_arn },
        { Sid = "AlertsKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey*"], Resource = module.alerts.key_arn },
      ]
    }
  }
}

resource "aws_iam_role" "monitor" {
  for_each = local.monitors

  name = "${var.name}-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "monitor" {
  for_each = local.monitors

  name   = "monitor"
  role   = aws_iam_role.monitor[each.key].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}

resource "aws_eks_pod_identity_association" "monitor" {
  for_each = local.monitors

  cluster_name    = var.watched.cluster_name
  namespace       = "monitoring"
  service_account = each.value.service_account
  role_arn        = aws_iam_role.monitor[each.key].arn
}
