account_id = "000000000001"
