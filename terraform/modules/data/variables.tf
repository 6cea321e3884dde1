variable "name" {
  description = "Prefix of all names, for example payments-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name must be 3 to 25 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "role" {
  description = "primary: this region's database is written to. standby: it follows the primary's, and the primary makes the copies of tables and buckets here."
  type        = string

  validation {
    condition     = contains(["primary", "standby"], var.role)
    error_message = "A region is primary or standby."
  }
}

variable "second" {
  description = "For a primary: the region to which everything is copied, and the keys there."
  type = object({
    region   = string
    key_arns = map(string)
  })
  default = null

  validation {
    condition     = var.second == null || var.role == "primary"
    error_message = "Only a primary has a second region."
  }

  validation {
    condition     = var.second == null ? true : length(setsubtract(["data", "records", "secrets"], keys(var.second.key_arns))) == 0
    error_message = "The second region needs the keys data, records and secrets."
  }
}

variable "first" {
  description = "For a standby: the primary's region, and the global cluster that it has made."
  type = object({
    region                    = string
    global_cluster_identifier = string
  })
  default = null

  validation {
    condition     = (var.first != null) == (var.role == "standby")
    error_message = "A standby, and only a standby, names the region and the global cluster that it follows."
  }
}

variable "vpc_id" {
  description = "The VPC in which the databases live."
  type        = string
}

variable "database_subnet_ids" {
  description = "Subnets without a way out, one in each zone."
  type        = list(string)

  validation {
    condition     = length(var.database_subnet_ids) == 3
    error_message = "Aurora keeps its data over three zones: name one subnet in each."
  }
}

variable "availability_zones" {
  description = "The zones of these subnets. The database's instances take them in turn."
  type        = list(string)

  validation {
    condition     = length(distinct(var.availability_zones)) == 3
    error_message = "Name three different availability zones."
  }
}

variable "client_security_group_ids" {
  description = "Security groups that may reach Aurora and Valkey; nobody else may."
  type        = list(string)

  validation {
    condition     = length(var.client_security_group_ids) > 0
    error_message = "A database that nobody may reach is of no use: name at least one security group."
  }
}

variable "key_arns" {
  description = "KMS keys of this region, by domain: data, records, secrets, logs."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["data", "records", "secrets", "logs"], keys(var.key_arns))) == 0
    error_message = "The domains data, records, secrets and logs each need a key."
  }
}

variable "deletion_protection" {
  description = "Whether the database and the tables refuse to be deleted. Off only where nobody's money is."
  type        = bool
  default     = true
}

variable "aurora" {
  description = "The database's version and size. The first instance writes, the others read and take over."
  type = object({
    engine_version     = optional(string, "18.3")
    instance_class     = string
    instances          = number
    backup_days        = optional(number, 35)
    insights           = optional(string, "standard")
    global_rpo_seconds = optional(number)
  })

  validation {
    condition     = can(regex("^18\\.[0-9]+$", var.aurora.engine_version))
    error_message = "The ledger is tested on PostgreSQL 18; name a whole version such as 18.3."
  }

  validation {
    condition     = var.aurora.instances >= 2 && var.aurora.instances <= 15
    error_message = "Two instances at least, or the loss of one zone is the loss of the database; Aurora has 15 at most."
  }

  validation {
    condition     = startswith(var.aurora.instance_class, "db.r")
    error_message = "The storage without charges for I/O, and copies in a second region, need an instance of the db.r classes."
  }

  validation {
    condition     = var.aurora.backup_days >= 7 && var.aurora.backup_days <= 35
    error_message = "Aurora keeps backups for up to 35 days; fewer than 7 would not outlast a long weekend."
  }

  validation {
    condition     = contains(["standard", "advanced"], var.aurora.insights)
    error_message = "Database Insights are standard or advanced."
  }

  validation {
    condition     = try(var.aurora.global_rpo_seconds >= 20, true)
    error_message = "Aurora enforces a recovery point of 20 seconds or more."
  }
}

variable "cache" {
  description = "Valkey for copies of balances, live events and rates: the node type, and how many nodes (one writes)."
  type = object({
    node_type = string
    nodes     = number
  })

  validation {
    condition     = var.cache.nodes >= 2 && var.cache.nodes <= 6
    error_message = "Two nodes at least, or there is nobody to take over; ElastiCache has 6 at most."
  }
}

variable "ray_store" {
  description = "Valkey for Ray's control store: the node type. It is small, and must be of a family that can be durable."
  type = object({
    node_type = string
  })

  validation {
    condition     = can(regex("^cache\\.(r6g|r7g|r8g|m6g|m7g|m8g|c7gn|c8gn)\\.", var.ray_store.node_type))
    error_message = "ElastiCache writes durably on the families r6g, r7g, r8g, m6g, m7g, m8g, c7gn and c8gn only."
  }
}

variable "records" {
  description = "Transaction records in S3: how they are locked, for how long, and after how many days they move to colder storage."
  type = object({
    lock_mode          = string
    lock_days          = number
    archive_after_days = optional(number, 90)
  })

  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.records.lock_mode)
    error_message = "GOVERNANCE can be lifted by who may bypass it, COMPLIANCE by nobody until it ends."
  }

  validation {
    condition     = var.records.lock_days >= 1 && var.records.archive_after_days >= 30
    error_message = "Records are locked for a day at least, and stay where they are for 30."
  }
}

variable "journal_warm_writes_per_second" {
  description = "Write units that the journal's table takes at once, without having to grow into them. Null: what a new table takes, 4,000."
  type        = number
  default     = null
}

variable "log_retention_days" {
  description = "How long logs of the databases are kept in CloudWatch."
  type        = number
  default     = 365
}

variable "passwords" {
  description = "Of Aurora's master user (primary alone), of the two users of Valkey, and the token of the Ray cluster. They count when things are made, and when passwords_version is raised; they are in no state and no plan."
  type = object({
    database  = optional(string)
    cache     = string
    ray_store = string
    ray_token = string
  })
  ephemeral = true
  sensitive = true
  nullable  = false

  validation {
    condition     = alltrue([for password in values(var.passwords) : password == null ? true : can(regex("^[A-Za-z0-9]{32,100}$", password))])
    error_message = "Passwords are 32 to 100 letters and digits: they stand in URLs."
  }

  validation {
    condition     = (var.passwords.database != null) == (var.role == "primary")
    error_message = "A primary, and only a primary, gives Aurora's master user a password."
  }
}

variable "passwords_version" {
  description = "Raise it to give new passwords."
  type        = number
  default     = 1
}
