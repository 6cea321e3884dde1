account_id           = "000000000003"
organization_id      = "o-example0000"
security_account_id  = "000000000002"
workload_account_ids = { staging = "000000000004", production = "000000000005" }
source_repository    = { provider = "GitHub", id = "example/payments", branch = "main" }
approvers            = ["payments-approvals@payments.example"]
python_image         = "public.ecr.aws/docker/library/python:3.11-slim-bookworm@sha256:0000000000000000000000000000000000000000000000000000000000000000"
