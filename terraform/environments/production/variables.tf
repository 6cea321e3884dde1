variable "account_id" {
  description = "The account that this configuration may change."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "organization_id" {
  description = "The organization, as the environment organization tells it."
  type        = string
}

variable "shared_account_id" {
  description = "The account of the pipeline."
  type        = string
}

variable "security_account_id" {
  description = "The account that keeps what AWS Config records."
  type        = string
}
