variable "name" {
  description = "Prefix of all names, for example payments-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name must be 3 to 25 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "cidr" {
  description = "Addresses of the VPC. Regions and environments must not overlap, or they could never be peered."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) == 16, false)
    error_message = "The VPC needs a /16 such as 10.20.0.0/16: every pod has an address of its own."
  }
}

variable "availability_zones" {
  description = "Three zones: two may be lost one after the other, and Aurora keeps its quorum over three."
  type        = list(string)

  validation {
    condition     = length(distinct(var.availability_zones)) == 3
    error_message = "Name three different availability zones."
  }
}

variable "nat_per_zone" {
  description = "One NAT gateway in each zone. Without it one serves all, and its zone's loss cuts all three off from the outside."
  type        = bool
}

variable "interface_endpoints" {
  description = "AWS services reached by private addresses, as the last part of the endpoint's service name."
  type        = set(string)
  default = [
    "ecr.api", "ecr.dkr", "eks", "eks-auth", "kinesis-streams", "kms", "logs", "monitoring", "secretsmanager", "sns", "sqs", "sts", "xray",
  ]

  validation {
    condition = alltrue([
      for service in ["kinesis-streams", "sqs", "sns", "kms", "secretsmanager", "sts", "ecr.api", "ecr.dkr", "logs"] :
      contains(var.interface_endpoints, service)
    ])
    error_message = "The ledger itself speaks to Kinesis, SQS, SNS, KMS, Secrets Manager, STS, ECR and CloudWatch Logs: keep their endpoints."
  }
}

variable "artifact_bucket_arn" {
  description = "Bucket of the pipeline's artifacts, in another account, which rollouts inside this network read; null: there is no pipeline."
  type        = string
  default     = null
}

variable "logs_key_arn" {
  description = "KMS key of log groups."
  type        = string
}

variable "flow_log_retention_days" {
  description = "How long flow logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 180, 365, 400, 731], var.flow_log_retention_days)
    error_message = "CloudWatch Logs keeps for 30, 60, 90, 180, 365, 400 or 731 days, among others."
  }
}
