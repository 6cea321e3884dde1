output "topic_arn" {
  description = "The topic that alarms tell."
  # Not before the policy stands: an alarm that fires earlier would be lost.
  value = aws_sns_topic_policy.this.arn
}

output "key_arn" {
  description = "The topic's key; a role that speaks there needs it."
  value       = aws_kms_key.this.arn
}
