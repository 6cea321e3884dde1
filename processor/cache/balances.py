"""Copies of balances, each with the place of the event that it comes from: a copy is only ever replaced by one of a later event."""

from collections.abc import Iterable

import msgspec

from processor.cache.link import RedisLink
from processor.eventlog.event import PublishedEvent

_PREFIX = "payments:balances:"
# KEYS[1] the copy, ARGV[1] the place of the new one, in a form whose order as text is its order in time, ARGV[2] the new one.
_REPLACE = """
local place = redis.call('HGET', KEYS[1], 'place')
if place and place >= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'place', ARGV[1], 'balances', ARGV[2])
return 1
"""


class CachedBalances(msgspec.Struct, frozen=True, array_like=True):
    """An account's balances as they were after the record `sequence` of its shard, or later."""

    shard: int
    sequence: int
    index: int
    currency: str
    posted: int
    pending_in: int
    pending_out: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(CachedBalances).decode


def balances_of(events: Iterable[PublishedEvent]) -> dict[str, CachedBalances]:
    """Return, by account, the balances after the last of the events about it, as far as they are known."""
    found = {}
    for event in events:
        for told in event.data.balances if hasattr(event.data, "balances") else ():
            if told.posted is not None and told.pending_in is not None and told.pending_out is not None:
                found[told.account] = CachedBalances(
                    event.shard, event.sequence, event.index, told.currency, told.posted, told.pending_in, told.pending_out
                )
    return found


class BalanceCache:
    """Reads and replaces copies."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def read(self, account: str) -> CachedBalances | None:
        """Return the copy, or None if there is none. Raises CacheUnavailable."""
        stored = await self._link.call("HGET", _PREFIX + account, "balances")
        return None if stored is None else _decode(stored)

    async def replace(self, copies: dict[str, CachedBalances]) -> int:
        """Put these copies in the place of older ones; return how many were older. Raises CacheUnavailable."""
        asked = [
            self._link.call("EVAL", _REPLACE, 1, _PREFIX + account, f"{copy.sequence:020d}:{copy.index:07d}", _encode(copy))
            for account, copy in copies.items()
        ]
        return sum([await answer for answer in asked])
