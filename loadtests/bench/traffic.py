"""What API replicas send to a shard host, made beforehand: MessagePack lists of messages."""

from collections.abc import Iterator, Sequence
from random import Random

import msgspec

from processor.core.messages import Message, OpenAccount, Pay
from processor.core.routing import shard_of

CURRENCY = "EUR"
AMOUNT_MAX = 1_000
_DIGEST_BYTES = 16

_encode = msgspec.msgpack.Encoder().encode


def account_ids(count: int, first: int = 0) -> list[str]:
    """Return account ids of a usual length."""
    return [f"account-{number:08d}" for number in range(first, first + count)]


def openings(accounts: Sequence[str], shards: int, batch_messages: int) -> Iterator[bytes]:
    """Yield lists of messages that open the accounts, none with a lower bound."""
    yield from _lists([OpenAccount(shard_of(account, shards), account, CURRENCY, None) for account in accounts], batch_messages)


def payments(accounts: Sequence[str], shards: int, count: int, batch_messages: int, random: Random) -> Iterator[bytes]:
    """Yield lists of single-leg payments between two random accounts, each with a key of its own."""
    made: list[Message] = []
    for _ in range(count):
        first = random.randrange(len(accounts))
        # Two different places out of n: the second is any but the first.
        source, target = accounts[first], accounts[first - random.randrange(1, len(accounts))]
        key, fingerprint = random.randbytes(_DIGEST_BYTES), random.randbytes(_DIGEST_BYTES)
        made.append(Pay(shard_of(source, shards), key, fingerprint, source, target, random.randint(1, AMOUNT_MAX), CURRENCY))
        if len(made) == batch_messages:
            yield _encode(made)
            made = []
    if made:
        yield _encode(made)


def _lists(messages: Sequence[Message], batch_messages: int) -> Iterator[bytes]:
    for start in range(0, len(messages), batch_messages):
        yield _encode(messages[start : start + batch_messages])
