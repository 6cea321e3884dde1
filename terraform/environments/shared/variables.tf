variable "account_id" {
  description = "The account that this configuration may change."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "security_account_id" {
  description = "The account that keeps what AWS Config records."
  type        = string
}

variable "organization_id" {
  description = "The organization, as the environment organization tells it."
  type        = string
}

variable "workload_account_ids" {
  description = "The accounts in which the ledger runs."
  type        = object({ staging = string, production = string })
}

variable "source_repository" {
  description = "Where the code lives: provider as CodeConnections knows it, owner/name, branch."
  type        = object({ provider = string, id = string, branch = string })
}

variable "approvers" {
  description = "E-mail addresses that hear of approvals that wait, and of pipelines that failed."
  type        = set(string)
}

variable "python_image" {
  description = "Image that ours is built on, by its digest."
  type        = string
}
