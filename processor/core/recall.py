"""What a shard's memory no longer has: how it is asked for, and how the answer comes in.

A shard forgets outcomes and finished payments after a while (see `Aged`), up to the record `forgotten`. Whoever keeps an archive
made from the journal answers a Recall with a Fact that says up to which record of the shard it is complete: the fact may be used
if that is not before `forgotten`, since everything newer is in memory.
"""

import msgspec

from processor.core.payment import Payment


class Recall(msgspec.Struct, frozen=True, gc=False):
    """Instead of an answer: ask the archive, bring the fact in with `Ledger.recall`, and handle the message again.

    Either `key` (the outcome of an idempotency key) or `place` (a payment's time, sequence and index) is set.
    """

    shard: int
    key: bytes | None = None
    place: tuple[int, int, int] | None = None


class OutcomeFact(msgspec.Struct, frozen=True, gc=False):
    """The outcome of a key as `pack_outcome` made it, or None if there was none up to the shard's record `position`."""

    shard: int
    key: bytes
    outcome: bytes | None
    position: int


class PaymentFact(msgspec.Struct, frozen=True, gc=False):
    """A payment as it stood after the shard's record `position`, or None if none was made at this place.

    A payment made after `position` is given as it was made.
    """

    shard: int
    place: tuple[int, int, int]
    payment: Payment | None
    position: int


AnyFact = OutcomeFact | PaymentFact
