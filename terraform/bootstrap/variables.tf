variable "account_id" {
  description = "The account whose state is kept."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "region" {
  description = "Where the state is kept: with what it describes, so that one region's loss does not take the other's state."
  type        = string

  validation {
    condition     = contains(["eu-central-1", "eu-west-1"], var.region)
    error_message = "The landscape lives in eu-central-1 and eu-west-1."
  }
}
