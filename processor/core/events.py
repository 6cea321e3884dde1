"""What the journal stores: facts, each about the accounts of one shard only, so that every shard replays on its own.

A payment has a home: the shard of its first `from` account, where its idempotency key is remembered. The id of a payment is the
place (time, home, sequence, index) of the event that first records it there. Events that post to an account carry the balance
after the entry and the sequence of the account's previous entry: an account's history is a chain that can be walked backwards.

Three roads, from short to long:
  one shard                  Paid
  shards of one host         PaidOut + PaidIn, or PaidLegs + PaidLegsIn; they share one atomic append
  shards of several hosts    Reserved, then Received or PartReserved / PartRefused elsewhere, Decided, PartDecided, Forgotten
"""

import msgspec

from processor.core.messages import Leg, Metadata, Status

Transit = tuple[int, str, int]
"""(other shard, currency, amount): what this shard has sent there (positive) or taken from there (negative)."""


class Event(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One fact."""


class Fence(Event, tag=9, frozen=True, gc=False):
    """A new owner has opened the shard: writers with an older epoch are refused from here on."""

    epoch: int


class AccountOpened(Event, tag=1, frozen=True, gc=False):
    account: str
    currency: str
    min_balance: int | None
    max_balance: int | None
    metadata: Metadata | None


class StatusChanged(Event, tag=2, frozen=True, gc=False):
    account: str
    status: Status


class Paid(Event, tag=3, frozen=True, gc=False):
    """One leg between two accounts of this shard."""

    key: bytes
    fingerprint: bytes
    from_account: str
    to_account: str
    amount: int
    currency: str
    from_posted: int
    from_previous: int
    to_posted: int
    to_previous: int
    reference: str | None
    metadata: Metadata | None


class Refused(Event, tag=4, frozen=True, gc=False):
    """A payment broke a rule. `where`: twice the leg's index, plus one for its `to` side."""

    key: bytes
    fingerprint: bytes
    result: int
    where: int


class PaidOut(Event, tag=5, frozen=True, gc=False):
    """The home's half of one leg to another shard of the same host."""

    key: bytes
    fingerprint: bytes
    from_account: str
    to_account: str
    amount: int
    currency: str
    other: int
    from_posted: int
    from_previous: int
    reference: str | None
    metadata: Metadata | None


class PaidIn(Event, tag=6, frozen=True, gc=False):
    """The other half: the payment's place at home, and the entry here."""

    home: int
    home_sequence: int
    home_index: int
    from_account: str
    to_account: str
    amount: int
    currency: str
    to_posted: int
    to_previous: int


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One line on one account: negative amounts are debits."""

    account: str
    leg: int
    amount: int
    currency: str
    posted: int
    previous: int


class PaidLegs(Event, tag=7, frozen=True, gc=False):
    """A payment of several legs whose accounts all live on this host; the home's entries."""

    key: bytes
    fingerprint: bytes
    legs: tuple[Leg, ...]
    entries: tuple[Entry, ...]
    transit: tuple[Transit, ...]
    reference: str | None
    metadata: Metadata | None


class PaidLegsIn(Event, tag=8, frozen=True, gc=False):
    """Another shard's entries of such a payment."""

    home: int
    home_sequence: int
    home_index: int
    entries: tuple[Entry, ...]
    transit: tuple[Transit, ...]


class Hold(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a payment over several hosts reserves on one account."""

    account: str
    outgoing: int
    incoming: int


class Reserved(Event, tag=10, frozen=True, gc=False):
    """The home has reserved its own side and will ask `participants`. `number` names the transfer among those of this home."""

    number: int
    key: bytes
    fingerprint: bytes
    legs: tuple[Leg, ...]
    holds: tuple[Hold, ...]
    participants: tuple[int, ...]
    reference: str | None
    metadata: Metadata | None


class Decided(Event, tag=11, frozen=True, gc=False):
    """The home knows the outcome: `result` 0 commits and posts the entries, anything else cancels. With the payment's place."""

    number: int
    at: int
    sequence: int
    index: int
    result: int
    where: int
    entries: tuple[Entry, ...]
    transit: tuple[Transit, ...]


class Forgotten(Event, tag=12, frozen=True, gc=False):
    """Every participant has recorded the decision: the home drops the transfer's protocol state."""

    number: int


class PartReserved(Event, tag=13, frozen=True, gc=False):
    """A participant has reserved its side and is bound by the home's decision."""

    home: int
    number: int
    at: int
    sequence: int
    index: int
    legs: tuple[Leg, ...]
    holds: tuple[Hold, ...]


class PartRefused(Event, tag=14, frozen=True, gc=False):
    """A participant cannot take part; it keeps the answer for a repeated question."""

    home: int
    number: int
    result: int
    where: int


class PartDecided(Event, tag=15, frozen=True, gc=False):
    """The home's decision has arrived. Cancelled without having been reserved: a late question will find this."""

    home: int
    number: int
    at: int
    sequence: int
    index: int
    committed: bool
    entries: tuple[Entry, ...]
    transit: tuple[Transit, ...]


class Received(Event, tag=16, frozen=True, gc=False):
    """The short road's moment of truth: the `to` shard takes the money, and by that decides the payment."""

    home: int
    number: int
    at: int
    sequence: int
    index: int
    from_account: str
    entry: Entry


class Cleared(Event, tag=17, frozen=True, gc=False):
    """The home has closed all its transfers with numbers under `below`: what was kept about them goes."""

    home: int
    below: int


AnyEvent = (
    Fence
    | AccountOpened
    | StatusChanged
    | Paid
    | Refused
    | PaidOut
    | PaidIn
    | PaidLegs
    | PaidLegsIn
    | Reserved
    | Decided
    | Forgotten
    | PartReserved
    | PartRefused
    | PartDecided
    | Received
    | Cleared
)

encode_events = msgspec.msgpack.Encoder().encode
decode_events = msgspec.msgpack.Decoder(list[AnyEvent]).decode
