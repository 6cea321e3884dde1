variable "regions" {
  description = "The two regions and the name in each: { region => name }."
  type        = map(string)

  validation {
    condition     = length(var.regions) == 2
    error_message = "A failover is between two regions."
  }
}

variable "primary_name" {
  description = "Name of the region that made the global cluster and the copied keys."
  type        = string

  validation {
    condition     = contains(values(var.regions), var.primary_name)
    error_message = "The primary is one of the two regions."
  }
}

variable "operators" {
  description = "Permission set of the identity centre whose people may move the ledger."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@-]{1,32}$", var.operators))
    error_message = "A permission set's name has up to 32 letters, digits and +=,.@-"
  }
}
