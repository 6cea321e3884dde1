account_id          = "000000000005"
organization_id     = "o-example0000"
shared_account_id   = "000000000003"
security_account_id = "000000000002"
