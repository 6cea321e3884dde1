account_id = "000000000005"
zone       = "payments.example"
machine_clients = {
  checkout    = ["read", "pay"]
  back-office = ["read", "operate"]
}
alerts = {
  emails       = ["payments-oncall@payments.example"]
  pager        = "https://pager.payments.example/payments"
  runbooks_url = "https://git.payments.example/payments/deploy/runbooks"
}
pipeline = {
  account_id          = "000000000003"
  artifact_bucket_arn = "arn:aws:s3:::payments-shared-artifacts-000000000003-eu-west-1"
  artifact_key_arn    = "arn:aws:kms:eu-west-1:000000000003:key/mrk-00000000000000000000000000000000"
}
cluster_access = {
  entries = {
    platform = { role_arn = "arn:aws:iam::000000000005:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_platform_0000000000000000", policy = "AmazonEKSClusterAdminPolicy" }
    on-call  = { role_arn = "arn:aws:iam::000000000005:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_on-call_0000000000000000", policy = "AmazonEKSViewPolicy" }
  }
}
