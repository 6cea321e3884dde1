variable "name" {
  description = "Prefix of all names, for example payments-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name must be 3 to 25 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "records_bucket" {
  description = "The bucket of the transaction records in this region. It must tell EventBridge of new objects."
  type        = object({ name = string, arn = string })
}

variable "key_arns" {
  description = "KMS keys of this region, by domain: records, secrets, logs."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["records", "secrets", "logs"], keys(var.key_arns))) == 0
    error_message = "The domains records, secrets and logs each need a key."
  }
}

variable "vpc_id" {
  description = "The VPC in which Redshift lives."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets for Redshift, one in each of three zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 3
    error_message = "Redshift Serverless needs subnets in three zones."
  }
}

variable "redshift_client_security_group_ids" {
  description = "Security groups that may reach Redshift's port. The loads need none: they go through the Data API."
  type        = list(string)
  default     = []
}

variable "redshift_capacity" {
  description = "Redshift's processing units: what it begins with, what it may grow to, and how many hours of one unit a day may cost before queries are refused until the next."
  type = object({
    base          = optional(number, 8)
    max           = optional(number, 64)
    hours_per_day = optional(number, 100)
  })
  default = {}

  validation {
    condition     = var.redshift_capacity.base >= 4 && var.redshift_capacity.max >= var.redshift_capacity.base && var.redshift_capacity.hours_per_day >= 1
    error_message = "Begin with at least 4 units, grow to no fewer, and allow at least an hour a day."
  }
}

variable "query_bytes_max" {
  description = "How much one query in Athena may read, which is what it costs."
  type        = number
  default     = 107374182400

  validation {
    condition     = var.query_bytes_max >= 10485760
    error_message = "Athena's least limit is 10 MB."
  }
}

variable "quicksight_principal_arn" {
  description = "The user or group of QuickSight that owns the dashboard. Null: no QuickSight; the account must have subscribed to it first."
  type        = string
  default     = null

  validation {
    condition     = var.quicksight_principal_arn == null ? true : can(regex("^arn:aws[a-z-]*:quicksight:[a-z0-9-]+:[0-9]{12}:(user|group)/", var.quicksight_principal_arn))
    error_message = "Name a user or a group of QuickSight by its ARN."
  }
}

variable "log_retention_days" {
  description = "How long logs of loads are kept in CloudWatch."
  type        = number
  default     = 365
}
