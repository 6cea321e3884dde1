# Groups that agents on the cluster would else make by themselves, without our key and for ever. Others stand beside what writes them.
# By the name that the cluster will have, and not by its attribute: these must be there before its first node is.
locals {
  insights = "/aws/containerinsights/${var.name}"

  log_groups = {
    application = "${local.insights}/application" # what pods print: Ray, the ledger, PostgreSQL's clients
    dataplane   = "${local.insights}/dataplane"   # kubelet, container runtime
    host        = "${local.insights}/host"        # the nodes' own
    performance = "${local.insights}/performance" # what Container Insights makes metrics of
    figures     = "/payments/figures"             # what the collector makes metrics of
  }
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.log_groups

  name       = each.value
  kms_key_id = var.key_arns["logs"]
  # Figures are metrics already; as logs they are of use for a while only.
  retention_in_days           = contains(["performance", "figures"], each.key) ? 30 : var.log_retention_days #checkov:skip=CKV_AWS_338:figures are kept as metrics, their raw lines for 30 days
  deletion_protection_enabled = each.key == "application"
}
