"""What the program needs in an AWS account, by name and shape: streams, topics, queues, buckets and tables."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from processor.settings import Settings

KINESIS_SHARDS = 4
DAY_SECONDS = 24 * 3600
# SQS keeps a message for no longer. What consumers gave up on waits that long for a person.
DEAD_LETTER_SECONDS = 14 * DAY_SECONDS
INSTRUCTION_SECONDS = 4 * DAY_SECONDS
# How long an instruction that is being carried out stays hidden from others; it is extended by who takes it, if need be.
INSTRUCTION_VISIBILITY_SECONDS = 60
# Deliveries of one instruction that ended without a word, before SQS itself puts it aside.
INSTRUCTION_RECEIVES = 10


class Queue(NamedTuple):
    """One SQS queue. `dead_letters`: the queue to which SQS moves what has been received `INSTRUCTION_RECEIVES` times in vain."""

    name: str
    retention_seconds: int
    visibility_seconds: int
    dead_letters: str | None


class Index(NamedTuple):
    """A global secondary index, with all attributes of the items in it. An item without these attributes is not in it."""

    name: str
    hash_key: str
    range_key: str | None


class Table(NamedTuple):
    """One DynamoDB table. `attributes`: the types of all keys, S or N. `expiry`: the attribute with the second (since 1970) at which
    DynamoDB may remove an item. `is_journal`: it must not be deleted by accident."""

    name: str
    attributes: dict[str, Literal["S", "N", "B"]]
    hash_key: str
    range_key: str | None
    indexes: Sequence[Index]
    expiry: str | None
    is_journal: bool


def queues(settings: Settings) -> list[Queue]:
    """Return all queues; those that others name as their dead letters come before them."""
    undelivered, unpaid = settings.sqs_dead_letter_queue, settings.sqs_instruction_dead_letter_queue
    return [
        Queue(undelivered, DEAD_LETTER_SECONDS, 30, None),
        Queue(unpaid, DEAD_LETTER_SECONDS, 30, None),
        Queue(settings.sqs_instruction_queue, INSTRUCTION_SECONDS, INSTRUCTION_VISIBILITY_SECONDS, unpaid),
    ]


def tables(settings: Settings) -> list[Table]:
    """Return all tables."""
    return [transactions_table(settings), journal_table(settings)]


def transactions_table(settings: Settings) -> Table:
    """Return the table of payments: one by its id, those from and those to an account by time, those with a reference by time."""
    return Table(
        name=settings.dynamodb_transactions_table,
        attributes=dict.fromkeys(("payment_id", "from_account", "to_account", "reference", "created_at"), "S"),
        hash_key="payment_id",
        range_key=None,
        indexes=[
            Index("by_from_account", "from_account", "created_at"),
            Index("by_to_account", "to_account", "created_at"),
            Index("by_reference", "reference", "created_at"),
        ],
        expiry="remove_at_seconds",
        is_journal=False,
    )


def journal_table(settings: Settings) -> Table:
    """Return the table of the journal."""
    return Table(
        name=settings.dynamodb_journal_table,
        attributes={"pk": "S", "sk": "N"},
        hash_key="pk",
        range_key="sk",
        indexes=[],
        expiry=None,
        is_journal=True,
    )
