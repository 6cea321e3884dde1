"""Consistency tokens: what a client has seen, as opaque text, and reads that wait until they can show at least that."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from serve.limits import CONSISTENCY_TOKEN_CHARACTERS_MAX
from serve.wire.answer import Header
from serve.wire.problems import Problem, retry_after
from serve.wire.request import Request

Seen = TypeVar("Seen")
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[_Count, _Count]]).decode
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.005, 0.1


def token_header(positions: Iterable[tuple[int, int]]) -> Header:
    """Return the Consistency-Token header for these (shard, sequence) pairs."""
    return b"consistency-token", urlsafe_b64encode(_encode(tuple(positions))).rstrip(b"=")


def newest(positions: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return one pair for every shard, with its highest sequence."""
    highest: dict[int, int] = {}
    for shard, sequence in positions:
        if sequence > highest.get(shard, -1):
            highest[shard] = sequence
    return sorted(highest.items())


def seen_by_client(request: Request) -> dict[int, int]:
    """Return the sequence per shard that the request's token asks for; empty without one. Raises Problem."""
    token = request.headers.get(b"consistency-token")
    if token is None:
        return {}
    if len(token) <= CONSISTENCY_TOKEN_CHARACTERS_MAX:
        try:
            positions = _decode(_bytes_of(token))
        except (ValueError, msgspec.MsgspecError):
            positions = []
        if positions and all(shard < request.ledger.shards for shard, _ in positions):
            return dict(newest(positions))
    raise Problem("invalid_consistency_token", "Send the Consistency-Token back unchanged, or leave it out.")


def _bytes_of(token: bytes) -> bytes:
    data = urlsafe_b64decode(token + b"=" * (-len(token) % 4))
    if urlsafe_b64encode(data).rstrip(b"=") != token:
        raise ValueError("it holds characters that the encoding does not have")
    return data


async def wait_for_lists(request: Request, wanted: Mapping[int, int], *, must: bool) -> None:
    """Wait until lists show these records (sequence by shard). Raises Problem `not_yet_visible` after a while if they `must`."""
    if not wanted:
        return

    def is_visible(positions: dict[int, int]) -> bool:
        return all(positions.get(shard, 0) >= sequence for shard, sequence in wanted.items())

    try:
        await read_visible(request, request.ledger.reads.positions, is_visible)
    except Problem:
        if must:
            raise


async def wait_for_past(request: Request, shard: int, sequence: int, before_at: int) -> None:
    """Wait until the past shows the shard's records up to `sequence`, as far as they are from before that time. Raises Problem."""

    async def covers() -> bool:
        return await request.ledger.reads.covers(shard, sequence, before_at)

    await read_visible(request, covers, bool)


async def read_visible(request: Request, read: Callable[[], Awaitable[Seen]], is_visible: Callable[[Seen], bool]) -> Seen:
    """Return what `read` gives as soon as it is visible enough. Raises Problem `not_yet_visible` when the wait is over."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + request.site.visibility_seconds
    pause_seconds = _FIRST_PAUSE_SECONDS
    while True:
        seen = await read()
        if is_visible(seen):
            return seen
        if clock() + pause_seconds > deadline:
            detail = "What was asked for cannot be shown yet: a shard, or its lists, must catch up. Send the request again."
            raise Problem("not_yet_visible", detail, headers=retry_after(1))
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
