variable "name" {
  description = "Prefix of all names, for example payments-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name must be 3 to 25 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "role" {
  description = "What this region does: the primary runs the ledger, the standby only follows, so that alarms on the ledger itself would never be quiet there."
  type        = string

  validation {
    condition     = contains(["primary", "standby"], var.role)
    error_message = "The role is primary or standby."
  }
}

variable "key_arns" {
  description = "KMS key of each domain; logs and data are used here."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["data", "logs"], keys(var.key_arns))) == 0
    error_message = "Keys of the domains data and logs are needed."
  }
}

variable "runbooks_url" {
  description = "Where the runbooks (deploy/runbooks) can be read; every alarm's description ends with the page of its own."
  type        = string

  validation {
    condition     = can(regex("^https://.*[^/]$", var.runbooks_url))
    error_message = "The runbooks' address must begin with https:// and not end with a slash."
  }
}

variable "watched" {
  description = "Names of what is watched, as the other modules give them."
  type = object({
    cluster_name              = string
    aurora_cluster_identifier = string
    stream_name               = string
    table_names               = set(string)
    function_names            = set(string)
    stream_function_name      = string
    queue_names               = set(string)
    dead_letter_queue_names   = set(string)
    api_id                    = string
    api_stage                 = string
    load_balancer             = string # app/<name>/<id>: the part of its ARN that CloudWatch uses
    target_group              = string # targetgroup/<name>/<id>
  })

  validation {
    condition     = can(regex("^app/", var.watched.load_balancer)) && can(regex("^targetgroup/", var.watched.target_group))
    error_message = "The load balancer is given as app/<name>/<id>, the target group as targetgroup/<name>/<id>: the suffixes of their ARNs."
  }
}

variable "edge" {
  description = "The edge, where this region answers for it; its metrics exist in us-east-1 alone. null: another region watches it."
  type = object({
    distribution_id  = string
    web_acl_name     = string
    health_check_ids = map(string)
    # With which CloudFront comes to the gateway. Nothing renews it, and the day it ends is the day the API ends.
    client_certificate_arn = string
  })
  default = null
}

variable "standby_region" {
  description = "Region to which tables are replicated and backups are copied; empty: none."
  type        = string
  default     = ""
}

variable "thresholds" {
  description = "Where alarms that depend on sizes fire. Those that guard a promise are fixed in the alarms themselves."
  type = object({
    database_connections      = number
    database_local_free_bytes = optional(number, 10737418240)
    blocked_requests          = optional(number, 5000)
  })

  validation {
    condition     = var.thresholds.database_connections > 0
    error_message = "An alarm on no connections at all would never be quiet."
  }
}

variable "subscribers" {
  description = "Who hears of alarms: e-mail addresses for all of them, and the https endpoint of the paging service for critical ones."
  type = object({
    emails = set(string)
    pager  = optional(string)
  })

  validation {
    condition     = length(var.subscribers.emails) > 0
    error_message = "Somebody must hear of alarms: name at least one e-mail address."
  }
  validation {
    condition     = var.subscribers.pager == null ? true : startswith(var.subscribers.pager, "https://")
    error_message = "The pager is called over https."
  }
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number
  default     = 400

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Logs of a ledger are kept for a year or more, in one of the steps that CloudWatch knows."
  }
}

variable "backup" {
  description = <<-EOT
    What is backed up, and for how long. `copy_vault_arn`: the vault of the other region, null where there is none.
    `restore_test`: the subnet group and security groups into which a test restores Aurora.
    `lock_changeable_days`: after so many days nobody, not even the root user, can shorten or remove the lock any more; null: a lock that
    administrators can lift, for environments that must be torn down.
  EOT
  type = object({
    resource_arns        = set(string)
    bucket_arns          = optional(set(string), [])
    copy_vault_arn       = optional(string)
    short_days           = optional(number, 35)
    long_days            = optional(number, 2557)
    lock_changeable_days = optional(number)
    restore_test = optional(object({
      aurora_cluster_arn = string
      subnet_group_name  = string
      security_group_ids = list(string)
      table_arns         = set(string)
    }))
  })

  validation {
    condition     = var.backup.short_days >= 7 && var.backup.short_days <= 35
    error_message = "Continuous backups reach back 35 days at most; keep them for 7 or more."
  }
  validation {
    condition     = var.backup.long_days > var.backup.short_days
    error_message = "Monthly backups are kept longer than daily ones."
  }
  validation {
    condition     = var.backup.lock_changeable_days == null ? true : var.backup.lock_changeable_days >= 3
    error_message = "AWS demands at least 3 days in which a vault lock can be taken back."
  }
}

variable "monthly_budget_usd" {
  description = "What this account may cost in a month; null: no budget here (the account's other region has it)."
  type        = number
  default     = null
}
