terraform {
  required_version = ">= 1.11, < 2"

  required_providers {
    archive = {
      source  = "hashicorp/archive"
      version = "~> 2.7"
    }
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.69, < 7"
    }
  }
}
