variable "name" {
  description = "Prefix of the names of functions and roles, for example payments-production. What the program looks for by name has the names of its settings."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "The name must be 3 to 25 lower-case letters, digits and hyphens, and begin with a letter."
  }
}

variable "role" {
  description = "primary or standby: a standby has a stream, a topic and queues of its own, and the primary's copy of the table of API keys."
  type        = string

  validation {
    condition     = contains(["primary", "standby"], var.role)
    error_message = "A region is primary or standby."
  }
}

variable "second" {
  description = "For a primary: the region to which the table of API keys is copied, and the keys there."
  type = object({
    region   = string
    key_arns = map(string)
  })
  default = null

  validation {
    condition     = var.second == null ? true : var.role == "primary" && contains(keys(var.second.key_arns), "data")
    error_message = "Only a primary has a second region, and needs the key data there."
  }
}

variable "key_arns" {
  description = "KMS keys of this region, by domain: events, data, logs."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["events", "data", "logs"], keys(var.key_arns))) == 0
    error_message = "The domains events, data and logs each need a key."
  }
}

variable "stream" {
  description = "The stream of all events. PROVISIONED with shards: one takes 1 MiB a second, have at least as many as the ledger has shards. ON_DEMAND: none to count."
  type = object({
    mode            = string
    shards          = optional(number)
    retention_hours = optional(number, 168)
  })

  validation {
    condition     = var.stream.mode == "PROVISIONED" ? try(var.stream.shards >= 1, false) : var.stream.mode == "ON_DEMAND" && var.stream.shards == null
    error_message = "A stream is PROVISIONED with a number of shards, or ON_DEMAND without."
  }

  validation {
    condition     = var.stream.retention_hours >= 24 && var.stream.retention_hours <= 8760
    error_message = "Kinesis keeps events for 24 to 8,760 hours."
  }
}

variable "subscribers" {
  description = "Queues behind the topic, by name: payments-<name> gets the events of these types, all of them if none is named."
  type        = map(object({ types = optional(list(string), []) }))
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.subscribers) : can(regex("^[a-z][a-z0-9-]{1,50}$", name)) && !startswith(name, "instructions") && !startswith(name, "events")])
    error_message = "Names are lower-case letters, digits and hyphens, and not those of our own queues."
  }

  validation {
    condition     = length(var.subscribers) <= 10
    error_message = "A dead-letter queue can name ten queues that may use it."
  }
}

variable "instruction_senders" {
  description = "Principals (ARNs) outside this account's own policies that may send payment instructions."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.instruction_senders : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/.+$", arn))])
    error_message = "Name roles or users by their ARNs, never everybody: instructions move money."
  }
}

variable "people" {
  description = "Who is told what in words: mail addresses, the types of events, and the amount in minor units below which a payment is not worth a message."
  type = object({
    addresses        = optional(list(string), [])
    types            = optional(list(string), ["payment.reversed", "account.frozen", "account.unfrozen"])
    amount_minor_min = optional(number, 0)
  })
  default = {}

  validation {
    condition     = length(var.people.types) >= 1
    error_message = "Name at least one type of event: a message for each payment would be read by nobody."
  }
}

variable "authorizer" {
  description = "For the authorizer: the issuer of tokens, the clients whose tokens count, and the folder that terraform/functions/build.sh has filled."
  type = object({
    token_issuer  = string
    token_clients = list(string)
    package       = optional(string)
  })

  validation {
    condition     = startswith(var.authorizer.token_issuer, "https://") && length(var.authorizer.token_clients) > 0
    error_message = "Tokens need an issuer (https) and at least one client; without either the authorizer would take none."
  }
}

variable "concurrency" {
  description = "How many copies of each function may run at once. The authorizer's bounds the requests whose caller is not known yet."
  type = object({
    kinesis_consumer = optional(number, 16)
    sns_notifier     = optional(number, 5)
    authorizer       = optional(number, 100)
  })
  default = {}

  validation {
    condition     = min(var.concurrency.kinesis_consumer, var.concurrency.sns_notifier, var.concurrency.authorizer) >= 1
    error_message = "A function with no copies never runs."
  }
}

variable "deletion_protection" {
  description = "Whether the tables refuse to be deleted."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How long logs of functions and deliveries are kept."
  type        = number
  default     = 365
}
