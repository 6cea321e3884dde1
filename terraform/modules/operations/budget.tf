resource "aws_budgets_budget" "monthly" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = "${var.name}-monthly"
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  # Half way, near the end, and when the month will end beyond it: each early enough to look for the cause.
  dynamic "notification" {
    for_each = { "50" = "ACTUAL", "80" = "ACTUAL", "100" = "FORECASTED" }

    content {
      comparison_operator       = "GREATER_THAN"
      threshold                 = tonumber(notification.key)
      threshold_type            = "PERCENTAGE"
      notification_type         = notification.value
      subscriber_sns_topic_arns = [module.alerts.topic_arn]
    }
  }
}
