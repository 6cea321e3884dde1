"""The DynamoDB table of payments: each by its id, those of an account by time, those with a reference by time."""

from processor.bridges.dynamodb.sink import DynamoDbSink

__all__ = ["DynamoDbSink"]
