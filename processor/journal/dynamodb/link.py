"""Calls of DynamoDB on threads of their own, and what its answers mean to the journal."""

import asyncio
import random
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from processor.aws.clients import aws_client
from processor.aws.errors import ERRORS, Fault, error_code, explain, fault_of
from processor.journal.dynamodb.items import Item
from processor.journal.interface import JournalUnavailable, LedgerUnusable
from processor.settings import Settings

# Answers come within milliseconds: after this long one is not going to come, and payments wait for it.
READ_TIMEOUT_SECONDS_MAX = 3.0
# How long a write is tried again that others were in the way of.
PATIENCE_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 0.005
_PAUSE_SECONDS_MAX = 0.25
# What one request may ask for.
_GET_KEYS = 100
_WRITE_ITEMS = 25
_WRITE_BYTES = 4 * 1024 * 1024

_CONDITION_FAILED = "ConditionalCheckFailed"
# Nothing was written because others were at the same items, or because the table takes no more just now.
_IN_THE_WAY = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


class Refused(Exception):
    """A condition did not hold, so nothing was written. Unless an earlier try of the same call was, whose answer was lost."""


class Link:
    """One client of the journal's table, which sends at most `threads` requests at a time."""

    def __init__(self, settings: Settings, threads: int) -> None:
        """Connect at the first call."""
        timeout_seconds = min(settings.aws_read_timeout_seconds, READ_TIMEOUT_SECONDS_MAX)
        self.table = settings.dynamodb_journal_table
        self.client = aws_client(settings, "dynamodb", read_timeout_seconds=timeout_seconds)
        self._is_closed = False
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="journal")

    def close(self) -> None:
        """Take no more calls. Those under way end by themselves."""
        self._is_closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def write(self, operation: str, **request: Any) -> dict[str, Any]:
        """Send a write, again while others are in the way of it. A request whose answer is lost is sent again, too: a transaction has
        a token, so that it takes effect once; any other write must be one that may arrive twice.

        Raises Refused (a condition did not hold), JournalUnavailable (nobody knows whether it took effect).
        """
        if operation == "transact_write_items":
            request["ClientRequestToken"] = uuid4().hex
        give_up_at = monotonic() + PATIENCE_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self._send(operation, request)
            except ERRORS as error:
                if _is_refusal(error):
                    raise Refused(str(error)) from error
                if not _is_contention(error) or monotonic() > give_up_at:
                    raise self._unavailable(error) from error
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, _PAUSE_SECONDS_MAX)

    async def read(self, operation: str, **request: Any) -> dict[str, Any]:
        """Send a request that changes nothing. Raises JournalUnavailable, LedgerUnusable."""
        try:
            return await self._send(operation, request)
        except ERRORS as error:
            raise self._unavailable(error) from error

    async def get(self, key: Item) -> Item | None:
        """Return one item as it is now, or None."""
        found = await self.read("get_item", TableName=self.table, Key=key, ConsistentRead=True)
        item: Item | None = found.get("Item")
        return item

    async def get_all(self, keys: Sequence[Item], attributes: Collection[str] = ()) -> list[Item | None]:
        """Return items (of them only some attributes) in the order of their keys; None for those that are not there."""
        wanted = {f"#{number}": name for number, name in enumerate((*attributes, "pk", "sk"))} if attributes else {}
        narrowed = {"ProjectionExpression": ",".join(wanted), "ExpressionAttributeNames": wanted} if wanted else {}
        parts = [keys[start : start + _GET_KEYS] for start in range(0, len(keys), _GET_KEYS)]
        found: dict[tuple[str, str], Item] = {}
        for items in await asyncio.gather(*(self._get_part(part, narrowed) for part in parts)):
            found |= {_place(item): item for item in items}
        return [found.get(_place(key)) for key in keys]

    async def put_all(self, items: Sequence[Item]) -> None:
        """Store items of which each may be stored twice, in any order, some of them perhaps without the others."""
        await self._batch([{"PutRequest": {"Item": item}} for item in items], [_size(item) for item in items])

    async def delete_all(self, keys: Sequence[Item]) -> None:
        """Delete items, in any order."""
        await self._batch([{"DeleteRequest": {"Key": key}} for key in keys], [0] * len(keys))

    async def _get_part(self, keys: Sequence[Item], narrowed: dict[str, Any]) -> list[Item]:
        found: list[Item] = []
        left: dict[str, Any] = {self.table: {"Keys": list(keys), "ConsistentRead": True} | narrowed}
        pauses = _Pauses(self)
        while left:
            answer = await self.read("batch_get_item", RequestItems=left)
            read = answer.get("Responses", {}).get(self.table, [])
            found += read
            left = answer.get("UnprocessedKeys") or {}
            if left:
                # An answer has room for 16 MB: what is left over then needs no pause.
                await pauses.after(bool(read))
        return found

    async def _batch(self, requests: Sequence[Item], sizes: Sequence[int]) -> None:
        batches: list[list[Item]] = []
        size = 0
        for request, request_bytes in zip(requests, sizes, strict=True):
            size += request_bytes
            if not batches or len(batches[-1]) == _WRITE_ITEMS or size > _WRITE_BYTES:
                batches.append([])
                size = request_bytes
            batches[-1].append(request)
        await asyncio.gather(*(self._batch_part(batch) for batch in batches))

    async def _batch_part(self, requests: Sequence[Item]) -> None:
        left: dict[str, Any] = {self.table: list(requests)}
        pauses = _Pauses(self)
        while left:
            before = len(left[self.table])
            answer = await self.read("batch_write_item", RequestItems=left)
            left = answer.get("UnprocessedItems") or {}
            if left:
                await pauses.after(len(left[self.table]) < before)

    async def _send(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if self._is_closed:
            raise JournalUnavailable(f"the connection to the DynamoDB table {self.table} has been closed")
        call = partial(getattr(self.client, operation), **request)
        answer: dict[str, Any] = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        return answer

    def _unavailable(self, error: Exception) -> JournalUnavailable:
        if _is_contention(error):
            return JournalUnavailable(
                f"the DynamoDB table {self.table} did not take a write for {PATIENCE_SECONDS} s ({', '.join(_reasons(error))}): others"
                " were at the same items, or the table takes no more; if it stays so, raise its capacity"
            )
        sentence = explain(error, f"the DynamoDB table {self.table}")
        return LedgerUnusable(sentence) if fault_of(error) is Fault.MISSING else JournalUnavailable(sentence)


class _Pauses:
    """The growing pauses between tries of what a table has left over. Raises JournalUnavailable when nothing moves any more."""

    def __init__(self, link: Link) -> None:
        self._table = link.table
        self._pause = _FIRST_PAUSE_SECONDS
        self._give_up_at = monotonic() + PATIENCE_SECONDS

    async def after(self, progress: bool) -> None:
        """Wait before the next try."""
        if progress:
            self._give_up_at, self._pause = monotonic() + PATIENCE_SECONDS, _FIRST_PAUSE_SECONDS
        elif monotonic() > self._give_up_at:
            raise JournalUnavailable(f"the DynamoDB table {self._table} is throttled: if it stays so, raise its capacity")
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))
        self._pause = min(2 * self._pause, _PAUSE_SECONDS_MAX)


def _is_refusal(error: Exception) -> bool:
    return error_code(error) == "ConditionalCheckFailedException" or _CONDITION_FAILED in _reasons(error)


def _is_contention(error: Exception) -> bool:
    reasons = _reasons(error)
    return error_code(error) == "TransactionConflictException" or (bool(reasons) and reasons <= _IN_THE_WAY)


def _reasons(error: Exception) -> set[str]:
    """Return why a transaction was cancelled; nothing if it was not."""
    response: dict[str, Any] = error.response if isinstance(error, ClientError) else {}
    return {reason.get("Code", "None") for reason in response.get("CancellationReasons", ())} - {"None"}


def _place(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["N"]


def _size(item: Item) -> int:
    return sum(len(value["B"]) for value in item.values() if "B" in value)
