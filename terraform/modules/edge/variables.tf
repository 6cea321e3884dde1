variable "name" {
  description = "Prefix of every name, such as payments-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,23}$", var.name))
    error_message = "name has 3 to 24 lower-case letters, digits and hyphens."
  }
}

variable "key_arns" {
  description = "KMS keys of the ledger's region, by domain; `logs` encrypts the log of requests."
  type        = map(string)

  validation {
    condition     = contains(keys(var.key_arns), "logs")
    error_message = "key_arns needs the domain logs."
  }
}

variable "domain" {
  description = "Public name of the API, such as api.example.com."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is a full domain name in lower case."
  }
}

variable "zone_id" {
  description = "Public Route 53 zone of domain."
  type        = string
}

variable "origin_domain" {
  description = "Name under which the gateways of both regions are found, such as origin.api.example.com (module api)."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.origin_domain)) && var.origin_domain != var.domain
    error_message = "origin_domain is a full domain name in lower case, and not the public one."
  }
}

variable "origin_client_certificate_arn" {
  description = "Certificate in us-east-1's ACM with which CloudFront shows the gateway who it is (origin-certificate.sh makes it)."
  type        = string

  validation {
    condition     = can(regex("^arn:aws:acm:us-east-1:[0-9]{12}:certificate/", var.origin_client_certificate_arn))
    error_message = "CloudFront reads certificates from us-east-1 alone."
  }
}

variable "standby_region" {
  description = "Region of the standby, in which the failover switch is kept; null: there is no standby."
  type        = string
  default     = null
}

variable "requests_per_address" {
  description = "Requests that one address may send in five minutes. Not what a client may do (the API counts that), but what is plainly an attack."
  type        = number
  default     = 300000

  validation {
    condition     = var.requests_per_address >= 1000 && var.requests_per_address <= 2000000000
    error_message = "requests_per_address lies between 1,000 and what WAF can count, 2,000,000,000."
  }
}

variable "log_retention_days" {
  description = "How long access and firewall logs are kept."
  type        = number
  default     = 400

  validation {
    condition     = contains([30, 60, 90, 180, 365, 400, 731, 1827, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of the periods that CloudWatch knows, from 30 to 3653."
  }
}
