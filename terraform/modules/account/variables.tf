variable "pipeline_account_id" {
  description = "The account `shared`, whose pipeline takes this account's roles."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.pipeline_account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "security_account_id" {
  description = "The account `security`, which keeps what AWS Config records."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.security_account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "organization_id" {
  description = "The organization that all accounts belong to."
  type        = string

  validation {
    condition     = can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "An organization's id looks like o-a1b2c3d4e5."
  }
}

variable "regions" {
  description = "The two regions in which anything may exist; in the first, AWS Config also records what belongs to no region."
  type        = list(string)

  validation {
    condition     = length(distinct(var.regions)) == 2
    error_message = "There are two regions: the first, and the standby's."
  }
}

