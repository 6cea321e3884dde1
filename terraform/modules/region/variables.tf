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
