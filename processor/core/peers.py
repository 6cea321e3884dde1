"""What shards on different hosts tell each other, and what each remembers of a transfer until the other is known to know.

A transfer is named by (home, number): numbers of one home only grow. Messages arrive at least once, in any order; every one
carries `below`, the lowest number that is still open between the two shards, so that the receiver can drop what is older: a
message about a closed transfer is a late copy and is ignored.
"""

import msgspec

from processor.core.events import Hold
from processor.core.messages import Leg


class PeerMessage(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A message to `shard`."""

    shard: int


class Reserve(PeerMessage, tag=1, frozen=True, gc=False):
    """Home to participant: will you take part? Answered by Vote."""

    home: int
    number: int
    below: int
    at: int
    sequence: int
    index: int
    legs: tuple[Leg, ...]


class Credit(PeerMessage, tag=2, frozen=True, gc=False):
    """Home to the `to` shard, on the short road: take the money, which decides the payment. Answered by Vote."""

    home: int
    number: int
    below: int
    at: int
    sequence: int
    index: int
    leg: Leg


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


AnyPeerMessage = Reserve | Credit | Vote | Decide | Done | Clear


class Transfer(msgspec.Struct, array_like=True, gc=False):
    """The home's memory of an open transfer. `result` is None until it is decided, by the home's record `decided_sequence`."""

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

    @property
    def is_short(self) -> bool:
        """Whether the `to` shard decides: one leg, one participant."""
        return len(self.legs) == 1


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


class Inbox(msgspec.Struct, array_like=True, gc=False):
    """What a shard remembers of one home: nothing under `below`, and the parts from there on."""

    below: int
    parts: dict[int, Part]
