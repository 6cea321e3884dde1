"""Published events for a stream, Kinesis with faults, and what a stream holds."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from processor.aws import calls
from processor.aws.clients import aws_client
from processor.eventlog.event import AboutBalances, BalancesData, PublishedEvent
from processor.settings import Settings
from tests.contract.writing import AT

ErrorCode = str
Judge = Callable[[dict[str, Any]], ErrorCode | None]
"""Decides about one record of a call: the error with which it fails, if any."""

THROTTLED = "ProvisionedThroughputExceededException"


def event(shard: int, sequence: int, index: int = 0, note: str = "") -> PublishedEvent:
    """Return an event; what it tells is of no importance but for its size."""
    balances = (BalancesData("account" + note, "EUR", sequence, 0, 0, sequence),)
    data = AboutBalances("payment", "pay_1", (), balances)
    return PublishedEvent(shard, sequence, index, AT, "balances.changed", "pay_1", ("account",), data)


def events_of(shards: Sequence[int], records: int, per_record: int, first: int = 1) -> list[PublishedEvent]:
    """Return events of some records of these shards, mixed as a tail of the journal mixes them."""
    places = [(sequence, shard) for sequence in range(first, first + records) for shard in shards]
    return [event(shard, sequence, index) for sequence, shard in places for index in range(per_record)]


class HastyRandom(Random):
    """Makes every pause short."""

    def uniform(self, a: float, b: float) -> float:
        return 0.001


class FaultyKinesis:
    """Makes parts of PutRecords calls fail: records are taken out before the call, or are said to have failed although they have not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loses: Judge = lambda record: None
        self.disowns: Judge = lambda record: None
        self.calls: list[list[dict[str, Any]]] = []
        self._lost: list[ErrorCode | None] = []
        monkeypatch.setattr(calls, "aws_client", self._client)

    def _client(self, settings: Settings, service: str, **more: Any) -> Any:
        client = aws_client(settings, service, **more)
        client.meta.events.register("before-parameter-build.kinesis.PutRecords", self._before)
        client.meta.events.register("after-call.kinesis.PutRecords", self._after)
        return client

    def _before(self, params: dict[str, Any], **_: object) -> None:
        self.calls.append(params["Records"])
        self._lost = [self.loses(record) for record in params["Records"]]
        kept = [record for record, lost in zip(params["Records"], self._lost, strict=True) if not lost]
        # A call must have a record; nobody reads this one.
        params["Records"] = kept or [{"Data": b"[]", "PartitionKey": "nobody"}]

    def _after(self, parsed: dict[str, Any], **_: object) -> None:
        if "Records" not in parsed:
            return
        kept, records = iter(parsed["Records"]), self.calls[-1]
        parsed["Records"] = [
            _failed(lost or disowned) if (disowned := self.disowns(record)) or lost else next(kept)
            for record, lost in zip(records, self._lost, strict=True)
        ]
        parsed["FailedRecordCount"] = sum("ErrorCode" in answer for answer in parsed["Records"])


def _failed(code: ErrorCode) -> dict[str, Any]:
    return {"ErrorCode": code, "ErrorMessage": "it was told to fail"}


def stored(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Return all records of the stream by Kinesis shard, in its order."""
    client = aws_client(settings, "kinesis")
    found = {}
    for shard in client.list_shards(StreamName=settings.kinesis_stream)["Shards"]:
        place = {"StreamName": settings.kinesis_stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = client.get_shard_iterator(**place)["ShardIterator"]
        found[shard["ShardId"]] = client.get_records(ShardIterator=iterator)["Records"]
    return found


def names_by_key(settings: Settings) -> dict[str, list[str]]:
    """Return the names of all events in the stream, repeats too, by partition key, in the stream's order."""
    found: dict[str, list[str]] = {}
    for records in stored(settings).values():
        for record in records:
            names = [event["id"] for event in json.loads(record["Data"])]
            found.setdefault(record["PartitionKey"], []).extend(names)
    found.pop("nobody", None)
    return found


def without_repeats(names: Sequence[str]) -> list[str]:
    """Return what is left if whatever is not newer than what came before is dropped, as consumers do."""
    kept: list[str] = []
    newest = (-1, -1)
    for name in names:
        _, sequence, index = name.split(":")
        if (int(sequence), int(index)) > newest:
            newest = (int(sequence), int(index))
            kept.append(name)
    return kept
