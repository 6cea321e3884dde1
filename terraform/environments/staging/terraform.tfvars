account_id                    = "000000000004"
organization_id               = "o-example0000"
shared_account_id             = "000000000003"
security_account_id           = "000000000002"
zone                          = "staging.payments.example"
origin_client_certificate_arn = "arn:aws:acm:us-east-1:000000000004:certificate/00000000-0000-0000-0000-000000000000"
alerts = {
  emails       = ["payments-staging@payments.example"]
  runbooks_url = "https://git.payments.example/payments/deploy/runbooks"
}
pipeline = {
  account_id          = "000000000003"
  artifact_bucket_arn = "arn:aws:s3:::payments-shared-artifacts-000000000003-eu-central-1"
  artifact_key_arn    = "arn:aws:kms:eu-central-1:000000000003:key/mrk-00000000000000000000000000000000"
}
cluster_access = {
  entries = {
    platform = { role_arn = "arn:aws:iam::000000000004:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_platform_0000000000000000", policy = "AmazonEKSClusterAdminPolicy" }
    on-call  = { role_arn = "arn:aws:iam::000000000004:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_on-call_0000000000000000", policy = "AmazonEKSViewPolicy" }
  }
}
