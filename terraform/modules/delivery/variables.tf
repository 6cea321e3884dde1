variable "name" {
  description = "Prefix of all names: payments-shared. The accounts' roles for plans and deployments trust the roles <name>-plan and <name>-deploy."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name must be 3 to 25 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "second_region" {
  description = "Region of the standby: images are copied there, and its rollout takes artifacts from there."
  type        = string
}

variable "logs_key_arn" {
  description = "KMS key of the domain logs."
  type        = string
}

variable "source_repository" {
  description = "Where the code lives: provider as CodeConnections knows it, owner/name, branch."
  type = object({
    provider = string
    id       = string
    branch   = string
  })

  validation {
    condition     = contains(["GitHub", "GitHubEnterpriseServer", "GitLab", "GitLabSelfManaged", "Bitbucket"], var.source_repository.provider)
    error_message = "CodeConnections knows GitHub, GitHubEnterpriseServer, GitLab, GitLabSelfManaged and Bitbucket."
  }
  validation {
    condition     = can(regex("^[^/]+/.+$", var.source_repository.id))
    error_message = "The repository is written as owner/name."
  }
}

variable "python_image" {
  description = "Image that ours is built on, by its digest: whoever raises it has looked at what is new in it."
  type        = string

  validation {
    condition     = can(regex("/python:3\\.11[a-z0-9.-]*@sha256:[0-9a-f]{64}$", var.python_image))
    error_message = "The image is a python:3.11, for which requirements.lock was made, named by its digest: .../python:3.11-slim-bookworm@sha256:<digest>."
  }
}

variable "clusters" {
  description = "Clusters that versions are rolled out to: staging, production and standby, each with its account, region, and name (of module region)."
  type = map(object({
    account_id = string
    region     = string
    name       = string
  }))

  validation {
    condition     = toset(keys(var.clusters)) == toset(["staging", "production", "standby"])
    error_message = "The pipeline goes through staging, production and standby."
  }
  validation {
    condition     = alltrue([for cluster in values(var.clusters) : can(regex("^[0-9]{12}$", cluster.account_id))])
    error_message = "An account id has twelve digits."
  }
  validation {
    condition     = var.clusters["staging"].account_id != var.clusters["production"].account_id
    error_message = "Staging and production are accounts of their own."
  }
}

variable "landscape" {
  description = "Environments of terraform/environments in the order in which they are changed, each after an approval, and the account of each."
  type = list(object({
    environment = string
    account_id  = string
  }))

  validation {
    condition     = length(distinct(var.landscape[*].environment)) == length(var.landscape)
    error_message = "An environment is changed once in a run."
  }
}

variable "canary_minutes" {
  description = "How long the canary serves its share before all API replicas are replaced."
  type        = number
  default     = 20

  validation {
    condition     = var.canary_minutes >= 10 && var.canary_minutes <= 240
    error_message = "Alarms need some minutes to see anything: 10 to 240."
  }
}

variable "approvers" {
  description = "E-mail addresses that hear of approvals that wait, and of pipelines that failed."
  type        = set(string)

  validation {
    condition     = length(var.approvers) > 0
    error_message = "Somebody must hear that an approval waits."
  }
}
