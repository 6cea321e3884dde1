# Prometheus as a service: figures and rules outlive the cluster that they are about, and no pod with a disk must be kept for them. The rules
# are the files of deploy/monitoring. There is no managed Grafana here: it costs for each user and needs IAM Identity Center, and the dashboards
# of deploy/monitoring load into any Grafana that reads this workspace.
resource "aws_prometheus_workspace" "this" {
  alias       = var.name
  kms_key_arn = var.key_arns["logs"]

  logging_configuration {
    log_group_arn = "${aws_cloudwatch_log_group.this["prometheus"].arn}:*"
  }
}

resource "aws_prometheus_rule_group_namespace" "this" {
  for_each = var.prometheus_rules

  workspace_id = aws_prometheus_workspace.this.id
  name         = each.key
  data         = each.value
}

resource "aws_prometheus_alert_manager_definition" "this" {
  workspace_id = aws_prometheus_workspace.this.id
  # The description is where CloudWatch's alarms have it too, so that one filter of the pager's subscription serves both.
  definition = yamlencode({
    alertmanager_config = yamlencode({
      route = { receiver = "alerts", group_by = ["alertname"], group_wait = "10s", group_interval = "5m", repeat_interval = "4h" }
      receivers = [{
        name = "alerts"
        sns_configs = [{
          topic_arn = module.alerts.topic_arn
          sigv4     = { region = local.region }
          subject   = "{{ .CommonLabels.alertname }}: {{ .Status }}"
          message   = "{{ template \"alert\" . }}"
        }]
      }]
      templates = ["alert"]
    })
    template_files = {
      alert = <<-EOT
        {{ define "alert" }}{"AlarmName": "{{ .CommonLabels.alertname }}", "NewStateValue": "{{ .Status }}", "AlarmDescription": "{{ .CommonLabels.severity }}: {{ .CommonAnnotations.summary }} {{ .CommonAnnotations.runbook_url }}"}{{ end }}
      EOT
    }
  })
}
