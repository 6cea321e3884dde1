"""Whether the Kinesis stream holds the journal's events: each one, as it was published, in the order of its shard."""

import asyncio
import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from processor.aws.clients import aws_client
from processor.bridges.checking.expected import expected_events
from processor.bridges.checking.verdict import Verdict
from processor.bridges.consume import Consumer, State
from processor.clock import now_microseconds
from processor.eventlog.cloud_event import encode_event
from processor.journal.interface import Journal
from processor.settings import Settings

_HOUR_MICROSECONDS = 3_600_000_000

Seen = tuple[int, int, bytes]
"""(sequence, index, digest of the content) of an event."""


class _NoCheckpoints:
    """Begins at the stream's oldest record, and keeps nothing."""

    def load(self) -> State | None:
        return None

    def save(self, state: State) -> None:
        pass


async def check_kinesis(settings: Settings, journal: Journal, positions: Mapping[int, int]) -> Verdict:
    """Compare the stream with the journal up to these positions. Raises what boto3 raises."""
    verdict = Verdict("kinesis")
    kept_from, streamed = await asyncio.to_thread(_read_stream, settings, verdict)
    for shard, until in positions.items():
        await _check_shard(journal, shard, until, streamed.get(shard, []), kept_from, verdict)
    return verdict


def _read_stream(settings: Settings, verdict: Verdict) -> tuple[int, dict[int, list[Seen]]]:
    """Return the time (microseconds) from which on the stream keeps records for sure, and what it holds by ledger shard, in the
    order in which a consumer gets it, repeats dropped."""
    client, stream = aws_client(settings, "kinesis"), settings.kinesis_stream
    hours = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["RetentionPeriodHours"]
    found: dict[int, list[Seen]] = {}
    consumer = Consumer(
        client,
        stream,
        _NoCheckpoints(),
        poll_seconds=0.0,
        on_bad_record=lambda record, error: verdict.report(f"record {record['SequenceNumber']} cannot be read: {error}"),
    )
    for event in consumer.events(follow=False):
        shard, sequence, index = (int(part) for part in event["id"].split(":"))
        found.setdefault(shard, []).append((sequence, index, content_digest(event)))
    return now_microseconds() - hours * _HOUR_MICROSECONDS, found


async def _check_shard(journal: Journal, shard: int, until: int, streamed: list[Seen], kept_from: int, verdict: Verdict) -> None:
    """Walk through both in step. What an operator had published again late stands out of order, and is looked up by its name."""
    highest = (0, -1)
    in_order: list[Seen] = []
    late: dict[tuple[int, int], bytes] = {}
    for seen in streamed:
        if seen[:2] > highest:
            highest = seen[:2]
            in_order.append(seen)
        else:
            late[seen[:2]] = seen[2]
    remaining = iter(in_order)
    upcoming = next(remaining, None)
    gone = 0
    async for event in expected_events(journal, shard, until):
        place = (event.sequence, event.index)
        while upcoming is not None and upcoming[:2] < place:
            verdict.report(f"{shard}:{upcoming[0]}:{upcoming[1]} is in the stream and not in the journal")
            upcoming = next(remaining, None)
        digest = late.get(place)
        if upcoming is not None and upcoming[:2] == place:
            digest, upcoming = upcoming[2], next(remaining, None)
        if digest is None and event.at < kept_from:
            gone += 1
            continue
        verdict.compared += 1
        if digest is None:
            verdict.report(f"{event.name} is missing in the stream")
        elif digest != content_digest(msgspec.json.decode(encode_event(event))):
            verdict.report(f"{event.name} is in the stream with another content")
    if gone:
        verdict.notes.append(f"shard {shard}: {gone} events are older than what the stream keeps")


def content_digest(event: dict[str, Any]) -> bytes:
    """Return 16 bytes that stand for an event, however its JSON is written."""
    return blake2b(json.dumps(event, sort_keys=True, separators=(",", ":")).encode(), digest_size=16).digest()
