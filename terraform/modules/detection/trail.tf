resource "aws_cloudtrail" "organization" {
  #checkov:skip=CKV2_AWS_10:GuardDuty and Security Hub watch the trail; a second copy in CloudWatch Logs would be paid for and read by nobody.
  #checkov:skip=CKV_AWS_252:Nobody waits for single log files.
  name                          = local.trail_name
  is_organization_trail         = true
  is_multi_region_trail         = true
  include_global_service_events = true
  enable_log_file_validation    = true
  s3_bucket_name                = aws_s3_bucket.this["trail"].id
  kms_key_id                    = aws_kms_key.audit.arn

  advanced_event_selector {
    name = "Whatever changes or shows the configuration"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }
  }

  # Every access to what has been kept for good, and to Terraform's state.
  advanced_event_selector {
    name = "Records and state"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }

    field_selector {
      field       = "resources.ARN"
      starts_with = ["arn:aws:s3:::payments-records-", "arn:aws:s3:::payments-terraform-state-"]
    }
  }

  depends_on = [aws_s3_bucket_policy.this]
}
