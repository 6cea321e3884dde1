# Disks are encrypted in any case (modules/account); here with a key whose policy we have written.
resource "aws_ebs_default_kms_key" "this" {
  key_arn = local.key_arns["cluster"]
}
