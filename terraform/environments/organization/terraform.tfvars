account_id   = "000000000001"
email_user   = "aws"
email_domain = "payments.example"
