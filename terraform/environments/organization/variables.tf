variable "account_id" {
  description = "The account that this configuration may change."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "email_user" {
  description = "Mailbox that gets the accounts' mail, before the plus sign."
  type        = string
}

variable "email_domain" {
  description = "The mailbox's domain; it must take addresses with a plus sign."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+\\.[a-z]{2,}$", var.email_domain))
    error_message = "A domain such as example.com."
  }
}
