"""The journal and the shard map in one DynamoDB table.

`create_ledger` makes the ledger in a table that is there; then each process connects a DynamoDbJournal and a DynamoDbShardMap.
"""

from processor.journal.dynamodb.journal import DynamoDbJournal
from processor.journal.dynamodb.ledger import MAX_SHARDS, create_ledger
from processor.journal.dynamodb.shard_map import DynamoDbShardMap

__all__ = ["MAX_SHARDS", "DynamoDbJournal", "DynamoDbShardMap", "create_ledger"]
