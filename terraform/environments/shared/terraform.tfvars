account_id = "000000000003"
