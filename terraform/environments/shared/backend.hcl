bucket     = "payments-terraform-state-000000000003-eu-central-1"
kms_key_id = "alias/payments-terraform-state"
