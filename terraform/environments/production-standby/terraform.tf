terraform {
  required_version = ">= 1.11, < 2"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "= 6.69.1"
    }
    archive = {
      source  = "hashicorp/archive"
      version = "= 2.8.1"
    }
  }

  # The rest is in backend.hcl, which knows the account: terraform init -backend-config=backend.hcl
  backend "s3" {
    key          = "production-standby.tfstate"
    region       = "eu-west-1"
    encrypt      = true
    use_lockfile = true
  }
}
