"""What shards on different hosts tell each other, and what each remembers of a transfer until the other is known to know.

A transfer is named by (home, number): numbers of one home only grow. Messages arrive at least once, in any order; every one
carries `below`, the lowest number that is still open between the two shards, so that the receiver can drop what is older: a
message about a closed transfer is a late copy and is ignored.
"""

import msgspec

from processor.core.events import Hold
from processor.core.messages import Condition, Kind, Leg, Metadata


class PeerMessage(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A message to `shard`."""

    shard: int


class Reserve(PeerMessage, tag=1, frozen=True, gc=False):
    """Home to participant: will you take part? Answered by Vote. `at`, `sequence` and `index` are the payment's place."""

    home: int
    number: int
    below: int
    at: int
    sequence: int
    index: int
    legs: tuple[Leg, ...]
    kind: Kind = Kind.PAYMENT
    conditions: tuple[Condition, ...] | None = None


class Credit(PeerMessage, tag=2, frozen=True, gc=False):
    """Home to the other shard, on the short road: make your entry, which decides the payment. Answered by Vote."""

    home: int
    number: int
    below: int
    at: int
    sequence: int
    index: int
    leg: Leg
    kind: Kind = Kind.PAYMENT
    conditions: tuple[Condition, ...] | None = None


class Vote(PeerMessage, tag=3, frozen=True, gc=False):
    """Participant to home: `result` 0 means reserved (or, on the short road, received). `as_of`: the record that says so."""

    participant: int
    number: int
    result: int
    where: int
    as_of: int


class Decide(PeerMessage, tag=4, frozen=True, gc=False):
    """Home to participant: the payment is committed, or cancelled. Answered by Done."""

    home: int
    number: int
    below: int
    committed: bool


class Done(PeerMessage, tag=5, frozen=True, gc=False):
    """Participant to home: the decision is recorded here, at `as_of`."""

    participant: int
    number: int
    as_of: int


class Clear(PeerMessage, tag=6, frozen=True, gc=False):
    """Home to participant: everything under `below` is closed."""

    home: int
    below: int


class Settle(PeerMessage, tag=7, frozen=True, gc=False):
    """Home to participant: of the payment's hold, `released` goes, and what `legs` still say is posted. Answered by Done."""

    home: int
    number: int
    below: int
    at: int
    sequence: int
    index: int
    kind: Kind
    legs: tuple[Leg, ...]
    released: tuple[int, ...]


AnyPeerMessage = Reserve | Credit | Vote | Decide | Done | Clear | Settle


class Transfer(msgspec.Struct, array_like=True, gc=False):
    """The home's memory of an open transfer. `result` is None until it is decided, by the home's record `decided_sequence`.

    `at`, `sequence` and `index` are the place of the event that began it. A capture, release or refund is about another event's
    payment, whose place is `about`; `amounts` are then for each leg of the payment. A hold has `expires_at`.
    """

    number: int
    key: bytes
    fingerprint: bytes
    at: int
    sequence: int
    index: int
    legs: tuple[Leg, ...]
    holds: tuple[Hold, ...]
    participants: tuple[int, ...]
    result: int | None = None
    where: int = 0
    decided_sequence: int = 0
    kind: Kind = Kind.PAYMENT
    is_long: bool = False
    about: tuple[int, int, int] | None = None
    amounts: tuple[int, ...] = ()
    expires_at: int | None = None
    reference: str | None = None
    metadata: Metadata | None = None
    conditions: tuple[Condition, ...] | None = None

    @property
    def is_short(self) -> bool:
        """Whether the other shard decides: one leg between the home and one participant."""
        return len(self.legs) == 1 and not self.is_long

    @property
    def is_settling(self) -> bool:
        """Whether it only carries a decision that was made by the event that began it."""
        return self.kind in (Kind.CAPTURE, Kind.VOID, Kind.EXPIRY)

    @property
    def payment_place(self) -> tuple[int, int, int]:
        """The place of the payment that it is about."""
        return self.about or (self.at, self.sequence, self.index)


class Part(msgspec.Struct, array_like=True, gc=False):
    """A participant's memory of another shard's transfer: what it answered, and what it still holds."""

    result: int
    where: int
    as_of: int
    at: int
    sequence: int
    index: int
    legs: tuple[Leg, ...]
    holds: tuple[Hold, ...]
    decided: bool
    kind: Kind = Kind.PAYMENT


class Inbox(msgspec.Struct, array_like=True, gc=False):
    """What a shard remembers of one home: nothing under `below`, and the parts from there on."""

    below: int
    parts: dict[int, Part]
