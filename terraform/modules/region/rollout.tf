module "rollout" {
  source = "../rollout"
  count  = var.pipeline == null ? 0 : 1

  name            = var.name
  pipeline        = var.pipeline
  overlay         = trimprefix(var.name, "payments-")
  cluster_name    = module.processing.cluster_name
  cluster_arn     = module.processing.cluster_arn
  stop_alarm_name = module.operations.stop_alarm_name
  logs_key_arn    = module.security.key_arns["logs"]
  network         = { vpc_id = module.network.vpc_id, subnet_ids = module.network.private_subnet_ids }
}
