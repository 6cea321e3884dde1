"""Which events a reader wants: of some types, about an account."""

import msgspec

from processor.core.routing import shard_of
from processor.eventlog.catalogue import TYPES
from processor.eventlog.event import PublishedEvent
from processor.journal.record import Record

PATTERNS_MAX = 32


class BadFilter(ValueError):
    """The text is no filter. The message says what is wrong with it."""


class EventFilter(msgspec.Struct, frozen=True):
    """`types`: None means all. `account`: only events that tell this account's balances or status; `shard` is where it lives."""

    types: frozenset[str] | None = None
    account: str | None = None
    shard: int | None = None

    @classmethod
    def of(cls, types: str | None, account: str | None, shards: int) -> "EventFilter":
        """Return the filter of these query parameters. Raises BadFilter."""
        wanted = None if types is None else types_of(types)
        return cls(wanted, account, None if account is None else shard_of(account, shards))

    def may_hold(self, record: Record) -> bool:
        """Whether the record may hold an event of the account. An account's name stands in the payload as it is."""
        return self.account is None or self.account.encode() in record.payload

    def wants(self, event: PublishedEvent) -> bool:
        """Whether the event is wanted."""
        return (self.types is None or event.type in self.types) and (self.account is None or self.account in event.accounts)


def types_of(text: str) -> frozenset[str]:
    """Return the types that the patterns name: whole types or beginnings as `payment.*`, with commas between. Raises BadFilter."""
    patterns = text.split(",")
    if len(patterns) > PATTERNS_MAX:
        raise BadFilter(f"give at most {PATTERNS_MAX} types")
    found: set[str] = set()
    for pattern in patterns:
        beginning = pattern.removesuffix("*")
        named = {kind for kind in TYPES if kind.startswith(beginning)} if beginning != pattern else {pattern} & TYPES.keys()
        if not named:
            raise BadFilter(f"`{pattern[:64]}` is not a type of event; GET /v1/events/schemas lists them")
        found |= named
    return frozenset(found)
