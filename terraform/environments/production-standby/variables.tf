variable "account_id" {
  description = "The account that this configuration may change."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "zone" {
  description = "Public zone of the environment."
  type        = string
}

variable "alerts" {
  description = "Who hears of alarms, and where their runbooks are."
  type = object({
    emails       = set(string)
    pager        = optional(string)
    runbooks_url = string
  })
}

variable "pipeline" {
  description = "The pipeline of the account shared, as its outputs tell; null before it is there."
  type = object({
    account_id          = string
    artifact_bucket_arn = string
    artifact_key_arn    = string
  })
  default = null
}

variable "machine_clients" {
  description = "Programs that fetch tokens for themselves: name => scopes."
  type        = map(set(string))
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
