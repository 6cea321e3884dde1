variable "name" {
  description = "Prefix of all names: payments-staging, payments-production, payments-standby."
  type        = string

  validation {
    condition     = can(regex("^payments-(staging|production|standby)$", var.name))
    error_message = "A region is payments-staging, payments-production or payments-standby."
  }
}

variable "role" {
  description = "What the region is to the ledger: primary writes it, standby follows and can take over."
  type        = string

  validation {
    condition     = contains(["primary", "standby"], var.role)
    error_message = "A region is primary or standby."
  }
}

variable "second" {
  description = "For a primary that has a standby: the standby's region and its name."
  type = object({
    region = string
    name   = string
  })
  default = null

  validation {
    condition     = var.second == null || var.role == "primary"
    error_message = "Only a primary has a second region."
  }
}

variable "first" {
  description = "For a standby: the primary's region and its name."
  type = object({
    region = string
    name   = string
  })
  default = null

  validation {
    condition     = (var.first != null) == (var.role == "standby")
    error_message = "A standby, and only a standby, names the primary that it follows."
  }
}

variable "network" {
  description = "Addresses and zones, and whether each zone has its own way out."
  type = object({
    cidr               = string
    availability_zones = list(string)
    nat_per_zone       = bool
  })
}

variable "autoscaling_role_arn" {
  description = "The account's service-linked role that starts nodes."
  type        = string
}

variable "domain" {
  description = "Public name of the API, the same in both regions."
  type        = string
}

variable "zone_id" {
  description = "Public zone of the domain."
  type        = string
}

variable "origin" {
  description = "How the gateway knows CloudFront: the client certificate (in us-east-1) that CloudFront shows, and the authorities that sign it. modules/edge/origin-certificate.sh makes both."
  type = object({
    client_certificate_arn = optional(string)
    client_ca_pem          = string
  })

  validation {
    condition     = (var.origin.client_certificate_arn != null) == (var.role == "primary")
    error_message = "The primary, and only the primary, has CloudFront and its client certificate."
  }
}

variable "cluster_access" {
  description = "Who may use the Kubernetes API, and from which networks outside the VPC (none: through the VPC alone)."
  type = object({
    entries = map(object({
      role_arn   = string
      policy     = string
      namespaces = optional(list(string), [])
    }))
    networks = optional(list(string), [])
  })
}

variable "machine_clients" {
  description = "Programs that fetch tokens for themselves: name => scopes."
  type        = map(set(string))

  validation {
    condition     = length(var.machine_clients) > 0
    error_message = "Without a client no token would ever be taken."
  }
}

variable "sizes" {
  description = "How much of everything; deploy/capacity says what it carries and costs."
  type = object({
    node_groups = object({
      head        = object({ instance_type = string, nodes = number })
      ingress     = object({ instance_type = string, nodes = number })
      shard_hosts = object({ instance_type = string, nodes_per_zone = number })
    })
    aurora                         = object({ instance_class = string, instances = number, insights = optional(string, "standard") })
    cache                          = object({ node_type = string, nodes = number })
    ray_store                      = object({ node_type = string })
    stream                         = object({ mode = string, shards = optional(number) })
    journal_warm_writes_per_second = optional(number)
    redshift                       = optional(object({ base = number, max = number, hours_per_day = number }), { base = 8, max = 8, hours_per_day = 8 })
  })
}

variable "records" {
  description = "How transaction records are locked in S3, and for how long."
  type        = object({ lock_mode = string, lock_days = number })
}

variable "people" {
  description = "Who is told of which events in words."
  type        = object({ addresses = optional(list(string), []) })
  default     = {}
}

variable "alerts" {
  description = "Who hears of alarms, where their runbooks are, and at how many connections the database is taken for busy."
  type = object({
    emails               = set(string)
    pager                = optional(string)
    runbooks_url         = string
    database_connections = number
  })
}

variable "monthly_budget_usd" {
  description = "What the account may cost in a month; null in the region that leaves it to the other."
  type        = number
  default     = null
}

variable "backup_lock_changeable_days" {
  description = "Days after which nobody can unlock backups any more; null where everything must be able to go."
  type        = number
  default     = null
}

variable "deletion_protection" {
  description = "Whether databases, tables, cluster and load balancer refuse to be deleted."
  type        = bool
}

variable "pipeline" {
  description = "The pipeline of the account shared, which rolls versions out here: its account, bucket and key in this region. null before it exists."
  type = object({
    account_id          = string
    artifact_bucket_arn = string
    artifact_key_arn    = string
  })
  default = null
}

variable "passwords" {
  description = "New passwords; modules/data says when they count."
  type = object({
    database  = optional(string)
    cache     = string
    ray_store = string
    ray_token = string
  })
  ephemeral = true
  sensitive = true
}

variable "passwords_version" {
  description = "Raise it to give new passwords."
  type        = number
}

variable "failover_role_arn" {
  description = "The role with which people move the ledger to the other region, where there is another."
  type        = string
  default     = null
}

variable "quicksight_principal_arn" {
  description = "Who owns QuickSight's dashboard; null where the account has not subscribed to QuickSight."
  type        = string
  default     = null
}
