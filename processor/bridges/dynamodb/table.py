"""Reading the table of payments, as a downstream service would: one payment by its id, those of an account or with a reference by time.

    table = TransactionsTable(settings)
    table.payment("pay_...")
    itertools.islice(table.of_account("alice"), 25)      # the newest 25, in which alice pays or is paid
    table.with_reference("order 7")

Without this module, with any client of DynamoDB: GetItem by `payment_id`; Query of the index `by_from_account` (key `from_account`,
sorted by `created_at`) for what an account paid, `by_to_account` for what it was paid, `by_reference` for a reference. What is found
in an index and has `part_of` stands for the payment of that id, whose first leg names other accounts: get that one. Indexes follow
within moments; a read by id with ConsistentRead sees what was written last.
"""

from collections.abc import Iterator
from heapq import merge
from typing import Any

from processor.aws.clients import aws_client
from processor.aws.resources import transactions_table
from processor.bridges.dynamodb.items import (
    CREATED_AT,
    FROM_ACCOUNT,
    KEY,
    PART_OF,
    REFERENCE,
    TO_ACCOUNT,
    Attributes,
    StoredPayment,
    stored_payment,
)
from processor.settings import Settings
from processor.wire_values import rfc3339

_END_OF_TIME = 253_402_300_799_999_999  # the end of the year 9999
_INDEXES = {FROM_ACCOUNT: "by_from_account", TO_ACCOUNT: "by_to_account", REFERENCE: "by_reference"}


class TransactionsTable:
    """Reads; every call blocks, and raises what boto3 raises."""

    def __init__(self, settings: Settings) -> None:
        self._table = transactions_table(settings).name
        self._client = aws_client(settings, "dynamodb")

    def payment(self, payment_id: str) -> StoredPayment | None:
        """Return a payment as it was written last, or None if the table does not have it."""
        found = self._client.get_item(TableName=self._table, Key={KEY: {"S": payment_id}}, ConsistentRead=True).get("Item")
        return stored_payment(found) if found is not None else None

    def of_account(self, account: str, since: int = 0, until: int = _END_OF_TIME) -> Iterator[StoredPayment]:
        """Yield the payments from or to an account with `since <= created_at <= until` (microseconds), newest first."""
        paid = self._query(FROM_ACCOUNT, account, since, until)
        received = self._query(TO_ACCOUNT, account, since, until)
        return self._whole(merge(paid, received, key=_newest_last, reverse=True))

    def with_reference(self, reference: str, since: int = 0, until: int = _END_OF_TIME) -> Iterator[StoredPayment]:
        """Yield the payments with a reference, newest first."""
        return self._whole(self._query(REFERENCE, reference, since, until))

    def all(self) -> Iterator[StoredPayment]:
        """Yield all payments, in no order."""
        for page in self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            yield from (stored_payment(item) for item in page["Items"] if PART_OF not in item)

    def _query(self, key: str, value: str, since: int, until: int) -> Iterator[Attributes]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=_INDEXES[key],
            KeyConditionExpression=f"#key = :key AND {CREATED_AT} BETWEEN :since AND :until",
            ExpressionAttributeNames={"#key": key},
            ExpressionAttributeValues={":key": {"S": value}, ":since": {"S": rfc3339(since)}, ":until": {"S": rfc3339(until)}},
            ScanIndexForward=False,
        )
        for page in pages:
            yield from page["Items"]

    def _whole(self, found: Iterator[Attributes]) -> Iterator[StoredPayment]:
        """Yield the payments that these items are or belong to, each once."""
        newest: str | None = None
        seen: set[str] = set()
        for item in found:
            created_at, payment_id = item[CREATED_AT]["S"], item[PART_OF if PART_OF in item else KEY]["S"]
            if created_at != newest:
                newest, seen = created_at, set()
            if payment_id in seen:
                continue
            seen.add(payment_id)
            payment = self.payment(payment_id) if PART_OF in item else stored_payment(item)
            if payment is not None:
                yield payment


def _newest_last(item: dict[str, Any]) -> str:
    created_at: str = item[CREATED_AT]["S"]
    return created_at
