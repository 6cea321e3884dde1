"""Creating a ledger in a table, and looking at the one that is there."""

from processor.journal.dynamodb.items import LEDGER, MAP, Item, binary, head_key, number
from processor.journal.dynamodb.link import Link, Refused
from processor.journal.interface import LedgerUnusable
from processor.journal.record import NO_HASH

MAX_SHARDS = 50
"""An append is one transaction of at most a hundred items, and takes two for each of its shards."""

_LAYOUT = 1


async def create_ledger(link: Link, shards: int, *, is_mirror: bool = False) -> None:
    """At the first call fix the number of shards, in a table that is there. Any number of processes may do so at once.

    A mirror counts as incomplete until `mark_complete`. Raises LedgerUnusable (there is no table, the ledger has another number of
    shards, or was made by a newer program), JournalUnavailable.
    """
    if not 1 <= shards <= MAX_SHARDS:
        raise LedgerUnusable(
            f"a ledger in DynamoDB cannot have {shards} shards: choose 1 to {MAX_SHARDS}, since all must fit into one transaction"
        )
    ledger = LEDGER | {"layout": number(_LAYOUT), "shards": number(shards), "is_complete": {"BOOL": not is_mirror}}
    nothing = {"epoch": number(0), "sequence": number(0), "hash": binary(NO_HASH)}
    items = [ledger, MAP | {"version": number(0)}, *(head_key(shard) | nothing for shard in range(shards))]
    if await link.get(LEDGER) is None:
        try:
            await link.write("transact_write_items", TransactItems=[_put_new(link.table, item) for item in items])
        except Refused:
            pass  # Somebody else was faster.
    present = await read_shard_count(link)
    if present != shards:
        raise LedgerUnusable(
            f"the ledger in the DynamoDB table {link.table} was created with {present} shards, not {shards}: set the number to {present}"
        )


async def read_shard_count(link: Link) -> int:
    """Return the ledger's number of shards. Raises LedgerUnusable if there is none, or it is not this program's."""
    return int((await _ledger(link))["shards"]["N"])


async def is_complete(link: Link) -> bool:
    """Return whether everything that was acknowledged is here: true for a journal, and for a mirror that has caught up."""
    return bool((await _ledger(link))["is_complete"]["BOOL"])


async def mark_complete(link: Link, complete: bool) -> None:
    """Note whether everything that was acknowledged is here."""
    await link.write(
        "update_item",
        TableName=link.table,
        Key=LEDGER,
        UpdateExpression="SET is_complete = :complete",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeValues={":complete": {"BOOL": complete}},
    )


async def _ledger(link: Link) -> Item:
    ledger = await link.get(LEDGER)
    if ledger is None:
        raise LedgerUnusable(f"the DynamoDB table {link.table} holds no ledger: create it first, as `payments up` does")
    if int(ledger["layout"]["N"]) > _LAYOUT:
        raise LedgerUnusable(f"a newer program has made the DynamoDB table {link.table}: use that one, or a newer one")
    return ledger


def _put_new(table: str, item: Item) -> Item:
    return {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}
