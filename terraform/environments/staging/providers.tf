provider "aws" {
  region = "eu-central-1"
  # An apply with the credentials of another account ends before it begins.
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = local.tags
  }
}

locals {
  tags = {
    project     = "payments"
    environment = "staging"
    managed-by  = "terraform"
  }
}
