bucket     = "payments-terraform-state-000000000005-eu-west-1"
kms_key_id = "alias/payments-terraform-state"
