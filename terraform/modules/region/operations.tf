module "operations" {
  source = "../operations"

  name               = var.name
  role               = var.role
  key_arns           = module.security.key_arns
  runbooks_url       = var.alerts.runbooks_url
  subscribers        = { emails = var.alerts.emails, pager = var.alerts.pager }
  standby_region     = var.second == null ? "" : var.second.region
  thresholds         = { database_connections = var.alerts.database_connections }
  monthly_budget_usd = var.monthly_budget_usd

  watched = {
    cluster_name              = module.processing.cluster_name
    aurora_cluster_identifier = module.data.aurora_cluster_identifier
    stream_name               = module.events.stream.name
    table_names               = local.tables
    function_names            = toset(values(module.events.function_names))
    stream_function_name      = module.events.function_names["kinesis_consumer"]
    queue_names               = toset([for name in keys(module.events.queues) : name if !endswith(name, "-dlq")])
    dead_letter_queue_names = toset(concat(
      [for name in keys(module.events.queues) : name if endswith(name, "-dlq")],
      [for queue in module.analytics[*].lists_dead_letter_queue : queue.name],
    ))
    api_id        = module.api.api_id
    api_stage     = module.api.stage
    load_balancer = module.processing.ingress_arn_suffix
    target_group  = module.processing.api_target_group_arn_suffix
  }

  edge = var.role == "standby" ? null : {
    distribution_id        = one(module.edge[*].distribution_id)
    web_acl_name           = one(module.edge[*].web_acl_name)
    health_check_ids       = one(module.edge[*].health_check_ids)
    client_certificate_arn = var.origin.client_certificate_arn
  }

  backup = {
    resource_arns        = concat([module.data.aurora_cluster_arn], values(module.data.table_arns))
    bucket_arns          = [module.data.records_bucket.arn]
    copy_vault_arn       = var.second == null ? null : "arn:aws:backup:${var.second.region}:${local.account_id}:backup-vault:${var.second.name}"
    lock_changeable_days = var.backup_lock_changeable_days

    restore_test = var.role == "standby" ? null : {
      aurora_cluster_arn = module.data.aurora_cluster_arn
      subnet_group_name  = module.data.aurora_network.subnet_group_name
      security_group_ids = module.data.aurora_network.security_group_ids
      table_arns         = values(module.data.table_arns)
    }
  }
}

locals {
  tables = toset([for arn in values(module.data.table_arns) : split("/", arn)[1]])
}
