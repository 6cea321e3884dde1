resource "aws_cloudwatch_event_rule" "failed" {
  name        = "${var.name}-pipeline-failed"
  description = "A run of a pipeline has failed, or was rolled back"
  event_pattern = jsonencode({
    source      = ["aws.codepipeline"]
    detail-type = ["CodePipeline Pipeline Execution State Change"]
    detail      = { state = ["FAILED"], pipeline = [aws_codepipeline.application.name, aws_codepipeline.landscape.name] }
  })
}

resource "aws_cloudwatch_event_target" "failed" {
  rule = aws_cloudwatch_event_rule.failed.name
  arn  = module.alerts.topic_arn
}
