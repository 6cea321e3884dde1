data "aws_caller_identity" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
}

resource "aws_s3_account_public_access_block" "this" {
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# People sign in through the identity centre. Should anybody ever get a password, it is a good one.
resource "aws_iam_account_password_policy" "this" {
  minimum_password_length        = 16
  require_lowercase_characters   = true
  require_uppercase_characters   = true
  require_numbers                = true
  require_symbols                = true
  allow_users_to_change_password = true
  max_password_age               = 90
  password_reuse_prevention      = 24
}

# What each disk and machine gets, whoever starts it. Where the ledger runs, disks get the cluster's key (modules/security).
resource "aws_ebs_encryption_by_default" "this" {
  for_each = toset(var.regions)

  region  = each.key
  enabled = true
}

resource "aws_ebs_snapshot_block_public_access" "this" {
  for_each = toset(var.regions)

  region = each.key
  state  = "block-all-sharing"
}

# Metadata only with a session's token, and not from inside a pod with a network of its own.
resource "aws_ec2_instance_metadata_defaults" "this" {
  for_each = toset(var.regions)

  region                      = each.key
  http_tokens                 = "required"
  http_put_response_hop_limit = 1
}
