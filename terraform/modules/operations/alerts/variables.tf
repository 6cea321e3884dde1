variable "name" {
  description = "Name of the topic."
  type        = string
}

variable "region" {
  description = "Region of the topic: alarms tell only topics of their own region."
  type        = string
}

variable "subscribers" {
  description = "E-mail addresses for all alarms, and the paging service's https endpoint for critical ones."
  type = object({
    emails = set(string)
    pager  = optional(string)
  })
}

variable "hears_rules" {
  description = "Whether rules of EventBridge speak here too, as the pipeline's do."
  type        = bool
  default     = false
}
