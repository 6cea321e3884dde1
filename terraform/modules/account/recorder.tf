# Security Hub's controls read what AWS Config has recorded; without it most of them stay silent.
resource "aws_iam_service_linked_role" "config" {
  aws_service_name = "config.amazonaws.com"
}

resource "aws_config_configuration_recorder" "this" {
  #checkov:skip=CKV2_AWS_48:What belongs to no region is recorded once, in the first region.
  for_each = toset(var.regions)

  region   = each.key
  name     = "payments"
  role_arn = aws_iam_service_linked_role.config.arn

  recording_group {
    all_supported                 = true
    include_global_resource_types = each.key == var.regions[0]
  }
}

resource "aws_config_delivery_channel" "this" {
  for_each = toset(var.regions)

  region         = each.key
  name           = "payments"
  s3_bucket_name = "payments-organization-config-${var.security_account_id}"

  depends_on = [aws_config_configuration_recorder.this]
}

resource "aws_config_configuration_recorder_status" "this" {
  for_each = toset(var.regions)

  region     = each.key
  name       = aws_config_configuration_recorder.this[each.key].name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.this]
}
