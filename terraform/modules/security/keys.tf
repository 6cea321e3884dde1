locals {
  taken  = var.copied == null ? toset([]) : var.copied.domains
  made   = setsubtract(keys(local.domains), local.taken)
  copies = var.replica == null ? toset([]) : var.replica.domains
}

resource "aws_kms_key" "this" {
  for_each = local.made

  description             = local.domains[each.key].description
  policy                  = local.policies[local.region][each.key]
  enable_key_rotation     = true
  rotation_period_in_days = 365
  multi_region            = contains(local.copies, each.key)
  deletion_window_in_days = var.deletion_window_days

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_kms_alias" "this" {
  for_each = local.made

  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_key.this[each.key].key_id
}

# Copies are made from here, and not by the second region's own configuration: tables, buckets and backups of this region are copied under them,
# so they must be there before anything of the second region is.
resource "aws_kms_replica_key" "this" {
  for_each = local.copies

  region = var.replica.region

  description             = local.domains[each.key].description
  primary_key_arn         = aws_kms_key.this[each.key].arn
  policy                  = local.policies[var.replica.region][each.key]
  deletion_window_in_days = var.deletion_window_days

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_kms_alias" "copy" {
  for_each = local.copies

  region = var.replica.region

  name          = "alias/${var.name}-${each.key}"
  target_key_id = aws_kms_replica_key.this[each.key].key_id
}

data "aws_kms_alias" "copied" {
  for_each = local.taken

  name = "alias/${var.copied.name}-${each.key}"
}
