variable "name" {
  description = "Prefix of all names, that of the region: payments-staging, payments-production, payments-standby."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name must be 3 to 25 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "pipeline" {
  description = "The pipeline of the account shared: its account, and bucket and key of its artifacts in this region."
  type = object({
    account_id          = string
    artifact_bucket_arn = string
    artifact_key_arn    = string
  })

  validation {
    condition     = can(regex("^[0-9]{12}$", var.pipeline.account_id))
    error_message = "An account id has twelve digits."
  }
}

variable "overlay" {
  description = "Folder under deploy/kuberay/overlays that is applied here."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z-]*$", var.overlay))
    error_message = "An overlay is a folder under deploy/kuberay/overlays, such as production or standby."
  }
}

variable "cluster_name" {
  description = "Name of the EKS cluster, as processing gives it."
  type        = string
}

variable "cluster_arn" {
  description = "ARN of the EKS cluster."
  type        = string
}

variable "stop_alarm_name" {
  description = "The alarm at which a rollout stops and goes back, as operations gives it."
  type        = string
}

variable "network" {
  description = "Where builds run: the endpoint of the cluster is private."
  type = object({
    vpc_id     = string
    subnet_ids = list(string)
  })

  validation {
    condition     = length(var.network.subnet_ids) > 0
    error_message = "Name at least one private subnet."
  }
}

variable "logs_key_arn" {
  description = "KMS key of the domain logs."
  type        = string
}
