variable "accounts" {
  description = "The member accounts: an e-mail address of its own for each, which AWS asks for and nobody signs in with."
  type        = map(object({ email = string }))

  validation {
    condition     = toset(keys(var.accounts)) == toset(["security", "shared", "staging", "production"])
    error_message = "The accounts are security, shared, staging and production."
  }

  validation {
    condition     = length(distinct([for account in values(var.accounts) : account.email])) == length(var.accounts)
    error_message = "AWS knows an account by its e-mail address: each needs another one."
  }
}

variable "regions" {
  description = "The two regions in which anything may exist; the first is where the organisation is watched from."
  type        = list(string)

  validation {
    condition     = length(distinct(var.regions)) == 2
    error_message = "There are two regions: the first, and the standby's."
  }
}
