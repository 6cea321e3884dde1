locals {
  cluster = { ClusterName = var.watched.cluster_name }

  cluster_alarms = {
    payments-nodes-failing = {
      severity = "critical", summary = "Nodes of the cluster fail."
      metrics  = { failed = { namespace = "ContainerInsights", metric = "cluster_failed_node_count", dimensions = local.cluster, stat = "Maximum" } }
      period   = 60, periods = 5, threshold = 0
    }
    payments-pods-unschedulable = {
      severity = "warning", summary = "Pods find no node.", runbook = "PaymentsNodesFailing"
      metrics  = { pods = { namespace = "AWS/EKS", metric = "scheduler_pending_pods_UNSCHEDULABLE", dimensions = local.cluster, stat = "Maximum" } }
      period   = 60, periods = 10, threshold = 0
    }
    payments-node-memory-low = {
      severity = "warning", summary = "A pod uses over 85 % of its memory; at 95 % Ray kills workers."
      metrics  = { used = { namespace = "ContainerInsights", metric = "pod_memory_utilization_over_pod_limit", dimensions = local.cluster, stat = "Maximum" } }
      period   = 60, periods = 5, threshold = 85
    }
    payments-node-disk-full = {
      severity = "warning", summary = "A node's disk is over 85 % full."
      metrics  = { used = { namespace = "ContainerInsights", metric = "node_filesystem_utilization", dimensions = local.cluster, stat = "Maximum" } }
      period   = 60, periods = 5, threshold = 85
    }
  }
}
