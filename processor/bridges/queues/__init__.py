"""SQS queues, and the letters that lie in those for dead letters."""
