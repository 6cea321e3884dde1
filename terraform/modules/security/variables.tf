variable "name" {
  description = "Prefix of all names, for example payments-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name must be 3 to 25 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "replica" {
  description = "Where copies of keys are kept, and of which domains: what is copied to the second region must be readable there."
  type = object({
    region  = string
    domains = set(string)
  })
  default = null

  validation {
    condition     = var.replica == null ? true : length(setsubtract(var.replica.domains, ["data", "events", "records", "secrets", "logs", "cluster"])) == 0
    error_message = "Keys exist for the domains data, events, records, secrets, logs and cluster."
  }
}

variable "copied" {
  description = "In the second region: the name under which the first region has left copies of its keys here, and of which domains."
  type = object({
    name    = string
    domains = set(string)
  })
  default = null

  validation {
    condition     = var.copied == null || var.replica == null
    error_message = "A region either gives copies of its keys or takes them."
  }
}

variable "deletion_window_days" {
  description = "Days in which a key's deletion can be called off."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "KMS waits 7 to 30 days."
  }
}

variable "autoscaling_role_arn" {
  description = "The service-linked role that starts nodes: it uses the key of their disks, and has no policy of its own for that."
  type        = string

  validation {
    condition     = can(regex("role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling$", var.autoscaling_role_arn))
    error_message = "It is the role AWSServiceRoleForAutoScaling of this account."
  }
}
