bucket     = "payments-terraform-state-000000000005-eu-central-1"
kms_key_id = "alias/payments-terraform-state"
