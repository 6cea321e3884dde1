account_id = "000000000005"
