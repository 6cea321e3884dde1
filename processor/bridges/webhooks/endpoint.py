"""An endpoint: a URL that a client has registered, and which events it wants."""

import re
from base64 import b32encode
from collections.abc import Iterator, Sequence
from secrets import token_bytes

import msgspec

from processor.eventlog.event import AboutPayment, PublishedEvent

ID_PREFIX = "we_"
_ID_BYTES = 10
_PATTERN = re.compile(r"\*|[a-z_]+(\.[a-z_]+)*(\.\*)?")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to send to an enabled endpoint.

    `types`: exact types, and patterns like `payment.*`; empty: all. `accounts`: None: all. `starts`: the newest record of each shard
    when the endpoint was enabled, by the shard's number: it gets what came later. `secrets`: the keys that messages are signed with.
    """

    number: int
    id: str
    url: str
    types: tuple[str, ...]
    accounts: frozenset[str] | None
    starts: tuple[int, ...]
    secrets: tuple[bytes, ...]

    def wants(self, event: PublishedEvent) -> bool:
        """Whether the event is of a type, and about an account, that the endpoint has asked for."""
        if self.types and not any(matches(pattern, event.type) for pattern in self.types):
            return False
        return self.accounts is None or any(account in self.accounts for account in _accounts(event))

    def is_due(self, event: PublishedEvent) -> bool:
        """Whether the endpoint wants the event and was there before it."""
        return event.sequence > self.starts[event.shard] and self.wants(event)


def new_endpoint_id() -> str:
    """Return `we_` and 16 random characters."""
    return ID_PREFIX + b32encode(token_bytes(_ID_BYTES)).decode().lower()


def matches(pattern: str, event_type: str) -> bool:
    """Whether the pattern stands for this type: `*` for all, `payment.*` for all that begin with `payment.`."""
    if pattern.endswith("*"):
        return event_type.startswith(pattern[:-1])
    return pattern == event_type


def is_pattern(text: str, known: Sequence[str]) -> bool:
    """Whether the text is a type, or a pattern for types, and there is at least one such type."""
    return _PATTERN.fullmatch(text) is not None and any(matches(text, event_type) for event_type in known)


def _accounts(event: PublishedEvent) -> Iterator[str]:
    """Yield the accounts that the event is about; those of a payment's other shards too, which its own event does not tell balances of."""
    yield from event.accounts
    if isinstance(event.data, AboutPayment):
        for leg in event.data.payment.legs:
            yield leg.from_account
            yield leg.to_account
