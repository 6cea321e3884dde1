output "topic_arn" {
  description = "The topic that alarms tell."
  # Not before the policy stands: an alarm that fires earlier would be lost.
  value = aws_sns_topic_policy.this.arn
}
