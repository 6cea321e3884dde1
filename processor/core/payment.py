"""A payment that the home shard has in mind: because something of it is still held, or because it was changed not long ago."""

from collections.abc import Iterable

import msgspec

from processor.core.messages import Leg, Metadata, PaymentStatus, PaymentView

_INDEX_BITS = 20


def place_key(sequence: int, index: int) -> int:
    """Return one number for a payment's place on its home shard."""
    return sequence << _INDEX_BITS | index


class Payment(msgspec.Struct, array_like=True, gc=False):
    """Amounts are for each leg. `refunding` travels back between hosts at the moment; `changed` is the newest record about it.

    `expires_at` is None if the payment never was a hold. `has_expired`: what was still held then was released by time.
    """

    at: int
    sequence: int
    index: int
    legs: tuple[Leg, ...]
    held: tuple[int, ...]
    captured: tuple[int, ...]
    refunded: tuple[int, ...]
    refunding: tuple[int, ...]
    expires_at: int | None
    has_expired: bool
    reference: str | None
    metadata: Metadata | None
    changed: int

    @property
    def key(self) -> int:
        """The payment's place as one number."""
        return place_key(self.sequence, self.index)

    @property
    def is_held(self) -> bool:
        """Whether anything of it is still held."""
        return any(self.held)

    @property
    def is_open(self) -> bool:
        """Whether it must stay in memory: something of it is held, or travels."""
        return any(self.held) or any(self.refunding)

    @property
    def status(self) -> PaymentStatus:
        """What the HTTP contract calls its state."""
        if any(self.held):
            return "held"
        if not any(self.captured):
            return "expired" if self.has_expired else "voided"
        if not any(self.refunded):
            return "succeeded"
        return "refunded" if self.refunded == self.captured else "partially_refunded"

    def view(self) -> PaymentView:
        """Return the payment as it stands, detached from later changes."""
        return PaymentView(
            self.at, self.sequence, self.index, self.status, self.legs, self.held, self.captured, self.refunded,
            self.expires_at, self.reference, self.metadata, self.changed,
        )  # fmt: skip


def immediate(
    at: int, sequence: int, index: int, legs: tuple[Leg, ...], reference: str | None, metadata: Metadata | None
) -> Payment:
    """Return a payment that was made at once and not changed since."""
    amounts = tuple(leg.amount for leg in legs)
    nothing = (0,) * len(legs)
    return Payment(at, sequence, index, legs, nothing, amounts, nothing, nothing, None, False, reference, metadata, sequence)


def held(
    at: int, sequence: int, index: int, legs: tuple[Leg, ...], expires_at: int,
    reference: str | None, metadata: Metadata | None, changed: int,
) -> Payment:  # fmt: skip
    """Return a payment whose money has just been reserved."""
    amounts = tuple(leg.amount for leg in legs)
    nothing = (0,) * len(legs)
    return Payment(at, sequence, index, legs, amounts, nothing, nothing, nothing, expires_at, False, reference, metadata, changed)


def plus(left: Iterable[int], right: Iterable[int]) -> tuple[int, ...]:
    """Return the sums, leg by leg."""
    return tuple(a + b for a, b in zip(left, right, strict=True))


def minus(left: Iterable[int], right: Iterable[int]) -> tuple[int, ...]:
    """Return the differences, leg by leg."""
    return tuple(a - b for a, b in zip(left, right, strict=True))
