variable "organization_id" {
  description = "The organization that is watched."
  type        = string

  validation {
    condition     = can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "An organization's id looks like o-a1b2c3d4e5."
  }
}

variable "root_id" {
  description = "The organization's root, under which all accounts are."
  type        = string

  validation {
    condition     = can(regex("^r-[a-z0-9]{4,32}$", var.root_id))
    error_message = "A root's id looks like r-a1b2."
  }
}

variable "management_account_id" {
  description = "The management account: it owns the organisation's trail, whoever made it."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.management_account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "regions" {
  description = "The two regions in which anything may exist; findings are gathered in the first."
  type        = list(string)

  validation {
    condition     = length(distinct(var.regions)) == 2
    error_message = "There are two regions: the first, and the standby's."
  }
}

variable "trail_retention_days" {
  description = "How long log files of the trail are locked. Nobody can shorten it for a file that is there, AWS neither."
  type        = number

  validation {
    condition     = var.trail_retention_days >= 365
    error_message = "Auditors ask for a year at least."
  }
}
