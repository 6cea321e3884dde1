variable "name" {
  description = "Prefix of every name, such as payments-production."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,23}$", var.name))
    error_message = "name has 3 to 24 lower-case letters, digits and hyphens (load balancers add theirs, and stop at 32)."
  }
}

variable "vpc_id" {
  description = "The VPC of the cluster and its load balancer."
  type        = string
}

variable "private_subnet_ids" {
  description = "Private subnets, one in each availability zone; a group of shard hosts is made in every one of them."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_ids) >= 3
    error_message = "private_subnet_ids needs three zones: the loss of one must leave two thirds of the shard hosts."
  }
}

variable "key_arns" {
  description = "KMS keys by domain: `cluster` for Kubernetes' secrets and the nodes' disks, `logs` for the control plane's log, `secrets` for what pods are given."
  type        = map(string)

  validation {
    condition     = alltrue([for domain in ["cluster", "logs", "secrets"] : contains(keys(var.key_arns), domain)])
    error_message = "key_arns needs the domains cluster, logs and secrets."
  }
}

variable "kubernetes_version" {
  description = "Version of the control plane and the nodes. Raise it together with addon_versions, one minor version at a time."
  type        = string
  default     = "1.36"

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version is a minor version such as 1.36."
  }
}

variable "addon_versions" {
  description = "Version of each EKS add-on (`aws eks describe-addon-versions --kubernetes-version` lists what fits)."
  type = object({
    vpc_cni            = string
    kube_proxy         = string
    coredns            = string
    pod_identity_agent = string
    ebs_csi_driver     = string
    observability      = string
  })
  default = {
    vpc_cni            = "v1.22.3-eksbuild.1"
    kube_proxy         = "v1.36.0-eksbuild.13"
    coredns            = "v1.14.3-eksbuild.3"
    pod_identity_agent = "v1.3.10-eksbuild.3"
    ebs_csi_driver     = "v1.63.1-eksbuild.1"
    observability      = "v6.6.0-eksbuild.1"
  }

  validation {
    condition     = alltrue([for version in values(var.addon_versions) : can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+-eksbuild\\.[0-9]+$", version))])
    error_message = "addon_versions are written as v1.2.3-eksbuild.4."
  }
}

variable "node_groups" {
  description = "Instance type and number of nodes of each group; shard_hosts are counted per zone."
  type = object({
    head        = object({ instance_type = string, nodes = number })
    ingress     = object({ instance_type = string, nodes = number })
    shard_hosts = object({ instance_type = string, nodes_per_zone = number })
  })

  validation {
    condition     = var.node_groups.head.nodes >= 2 && var.node_groups.ingress.nodes >= 2 && var.node_groups.shard_hosts.nodes_per_zone >= 1
    error_message = "head and ingress need two nodes (one may be replaced), shard_hosts one in each zone."
  }
}

variable "endpoint_public_access_cidrs" {
  description = "Networks that may reach the Kubernetes API from outside the VPC; empty (the rule): nobody, the endpoint is private."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.endpoint_public_access_cidrs : can(cidrhost(cidr, 0)) && tonumber(split("/", cidr)[1]) >= 24])
    error_message = "endpoint_public_access_cidrs are networks of at most 256 addresses, such as an office's 192.0.2.0/24."
  }
}

variable "endpoint_client_security_group_ids" {
  description = "Security groups in the VPC whose members use the Kubernetes API, such as the build project that rolls manifests out."
  type        = list(string)
  default     = []
}

variable "access_entries" {
  description = "Who may use the Kubernetes API, beside rollouts: name => role, EKS access policy, and namespaces (empty: the whole cluster)."
  type = map(object({
    role_arn   = string
    policy     = string
    namespaces = optional(list(string), [])
  }))

  validation {
    condition = alltrue([
      for entry in values(var.access_entries) : contains(
        ["AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy", "AmazonEKSEditPolicy", "AmazonEKSViewPolicy", "AmazonEKSAdminViewPolicy"],
        entry.policy,
      )
    ])
    error_message = "policy is the name of one of EKS's access policies, such as AmazonEKSViewPolicy."
  }

  validation {
    condition     = anytrue([for entry in values(var.access_entries) : entry.policy == "AmazonEKSClusterAdminPolicy" && length(entry.namespaces) == 0])
    error_message = "Somebody must be the cluster's administrator: whoever makes it is not, and its operators have to be installed."
  }
}

variable "workload_policies" {
  description = "What each service account of the namespace payments may do in AWS: service account => policy documents (JSON)."
  type        = map(list(string))

  validation {
    condition = alltrue([
      for account in keys(var.workload_policies) :
      contains(["payments-head", "payments-api", "payments-shard-host", "payments-upkeep"], account)
    ])
    error_message = "workload_policies knows payments-head, payments-api, payments-shard-host and payments-upkeep."
  }
}

variable "secret_arns" {
  description = "Secrets that become Kubernetes Secrets; the External Secrets Operator may read these and no others."
  type        = list(string)

  validation {
    condition     = length(var.secret_arns) > 0 && !anytrue([for arn in var.secret_arns : strcontains(arn, "*")])
    error_message = "Name each secret by its whole ARN: a pattern would take in secrets that are for people alone."
  }
}

variable "ingress_domain" {
  description = "Name in the load balancer's certificate, such as ingress.production.example.com; nothing resolves it, the gateway checks it."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.ingress_domain))
    error_message = "ingress_domain is a full domain name in lower case."
  }
}

variable "zone_id" {
  description = "Public Route 53 zone in which the certificate of ingress_domain is validated."
  type        = string
}

variable "deletion_protection" {
  description = "Whether cluster and load balancer refuse to be deleted."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How long the control plane's log is kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([30, 60, 90, 180, 365, 400, 731, 1827, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of the periods that CloudWatch knows, from 30 to 3653."
  }
}
