account_id          = "000000000003"
organization_id     = "o-example0000"
security_account_id = "000000000002"
