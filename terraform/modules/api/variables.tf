variable "name" {
  description = "Prefix of every name, such as payments-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,23}$", var.name))
    error_message = "name has 3 to 24 lower-case letters, digits and hyphens."
  }
}

variable "vpc_id" {
  description = "VPC in which the gateway's link ends."
  type        = string
}

variable "private_subnet_ids" {
  description = "Private subnets in which the gateway's link ends, one in each zone."
  type        = list(string)
}

variable "ingress_listener_arn" {
  description = "Listener of the internal load balancer to which requests go."
  type        = string
}

variable "ingress_domain" {
  description = "Name that the load balancer's certificate must bear."
  type        = string
}

variable "ingress_security_group_id" {
  description = "Security group of the internal load balancer; it is opened to the gateway's link."
  type        = string
}

variable "key_arns" {
  description = "KMS keys by domain; `logs` encrypts the access log."
  type        = map(string)

  validation {
    condition     = contains(keys(var.key_arns), "logs")
    error_message = "key_arns needs the domain logs."
  }
}

variable "authorizer" {
  description = "The Lambda authorizer: the function's name, and the ARN by which the gateway calls it (invoke_arn)."
  type = object({
    function_name = string
    invoke_arn    = string
  })
}

variable "zone_id" {
  description = "Public Route 53 zone of origin_domain."
  type        = string
}

variable "origin_domain" {
  description = "Name under which CloudFront finds the gateway, the same in both regions, such as origin.api.example.com."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.origin_domain))
    error_message = "origin_domain is a full domain name in lower case."
  }
}

variable "origin_client_ca_pem" {
  description = "Certificates (PEM) of the authorities that sign CloudFront's client certificate; two while one replaces the other."
  type        = string

  validation {
    condition     = startswith(trimspace(var.origin_client_ca_pem), "-----BEGIN CERTIFICATE-----") && !strcontains(var.origin_client_ca_pem, "PRIVATE KEY")
    error_message = "origin_client_ca_pem holds certificates in PEM, and no private key."
  }
}

variable "failover" {
  description = "Where two regions share origin_domain: PRIMARY with the health check that withdraws it, or SECONDARY. null: this region is the only one."
  type = object({
    type            = string
    health_check_id = optional(string)
  })
  default = null

  validation {
    condition     = var.failover == null ? true : contains(["PRIMARY", "SECONDARY"], var.failover.type)
    error_message = "failover.type is PRIMARY or SECONDARY."
  }
}

variable "machine_clients" {
  description = "Clients that fetch tokens for themselves: name => scopes, of read, pay and operate."
  type        = map(set(string))
  default     = {}

  validation {
    condition     = alltrue([for scopes in values(var.machine_clients) : length(scopes) > 0 && length(setsubtract(scopes, ["read", "pay", "operate"])) == 0])
    error_message = "A client has at least one of the scopes read, pay and operate, and no other."
  }
}

variable "throttling" {
  description = "Requests a second and at once that each route of a class takes, from all clients together. What one client may do, the API itself counts."
  type = object({
    payments   = object({ rate = number, burst = number })
    batches    = object({ rate = number, burst = number })
    reads      = object({ rate = number, burst = number })
    operations = object({ rate = number, burst = number })
    open       = object({ rate = number, burst = number })
  })
  default = {
    payments   = { rate = 5000, burst = 2500 }
    batches    = { rate = 500, burst = 250 }
    reads      = { rate = 2000, burst = 1000 }
    operations = { rate = 200, burst = 100 }
    open       = { rate = 50, burst = 50 }
  }

  validation {
    condition     = alltrue([for class in values(var.throttling) : class.rate >= 1 && class.burst >= 1])
    error_message = "A class that takes no request at all is a route too many."
  }
}

variable "deletion_protection" {
  description = "Whether the user pool refuses to be deleted: its clients' secrets cannot be made again."
  type        = bool
  default     = true
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
