"""What the journal stores: facts, each about the accounts of one shard only, so that every shard replays on its own.

A payment has a home: the shard of its first `from` account, where its idempotency key is remembered. The id of a payment is the
place (time, home, sequence, index) of the event that first records it there. Events that post to an account carry the balance
after the entry and the sequence of the account's previous entry: an account's history is a chain that can be walked backwards.

Three roads, from short to long:
  one shard                  Paid
  shards of one host         PaidOut + PaidIn, or PaidLegs + PaidLegsIn; they share one atomic append
  shards of several hosts    Reserved, then Received or PartReserved / PartRefused elsewhere, Decided, PartDecided, Forgotten

What happens to a payment later is recorded at its home first: Held (or Reserved with `expires_at`), Captured, Released, Refunded.
The other shards' halves are HeldIn and Settled. Captures and releases cannot be refused elsewhere, because the hold has promised
them: the home's event is the decision, and Settle messages carry it to other hosts until Forgotten. A refund over several hosts
is RefundReserved and then goes the road of a payment.

Every event that changes balances says how each account that it touches on its shard stands after it, so that it can be published
without any other. An account is touched where its version goes up: by an entry, by what is reserved, by what is released.
  `balances`  of events of many accounts: each touched account once, in the order of first touch. () where none is touched, as
              by a decision that leaves a hold as it is.
  `pending`   of the three hottest, which say the posted balances themselves: () where nothing is reserved on the accounts at
              hand, else `pending_out` and `pending_in`, in this order, of the `from` account and then of the `to` account, as far
              as they are on this shard. Paid has four numbers, PaidOut the `from` account's two, PaidIn the `to` account's two.
None means that the event was written before this was recorded. Whoever replays compares the rest with the state.

Journals of all versions stay readable: fields are only ever added at an event's end, with a default.
"""

import msgspec

from processor.core.messages import Condition, Kind, Leg, Metadata, PaymentStatus, Status
from processor.core.payment import Payment

Transit = tuple[int, str, int]
"""(other shard, currency, amount): what this shard has sent there (positive) or taken from there (negative)."""


class Event(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One fact."""


class Balances(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How one account stands after the event that carries this."""

    account: str
    currency: str
    posted: int
    pending_out: int
    pending_in: int


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
    pending: tuple[int, ...] | None = None


class Refused(Event, tag=4, frozen=True, gc=False):
    """A request to make a payment, or to do `kind` to the payment `about`, broke a rule.

    `where`: twice the leg's index, plus one for its `to` side; of a balance condition its position. `kind` is None if the event was
    written before this was recorded.
    """

    key: bytes
    fingerprint: bytes
    result: int
    where: int
    kind: Kind | None = None
    about: tuple[int, int, int] | None = None


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
    pending: tuple[int, ...] | None = None


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
    pending: tuple[int, ...] | None = None


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
    balances: tuple[Balances, ...] | None = None


class PaidLegsIn(Event, tag=8, frozen=True, gc=False):
    """Another shard's entries of such a payment."""

    home: int
    home_sequence: int
    home_index: int
    entries: tuple[Entry, ...]
    transit: tuple[Transit, ...]
    balances: tuple[Balances, ...] | None = None


class Hold(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a payment over several hosts reserves on one account."""

    account: str
    outgoing: int
    incoming: int


class Reserved(Event, tag=10, frozen=True, gc=False):
    """The home has reserved its own side and will ask `participants`. `number` names the transfer among those of this home.

    With `expires_at` it is a hold: what is reserved stays so after the decision.
    """

    number: int
    key: bytes
    fingerprint: bytes
    legs: tuple[Leg, ...]
    holds: tuple[Hold, ...]
    participants: tuple[int, ...]
    reference: str | None
    metadata: Metadata | None
    expires_at: int | None = None
    conditions: tuple[Condition, ...] | None = None
    balances: tuple[Balances, ...] | None = None


class Decided(Event, tag=11, frozen=True, gc=False):
    """The home knows the outcome: `result` 0 commits and posts the entries, anything else cancels. With the transfer's place.

    Of a refund, `about` is the payment's place, and what follows it says how the payment stands after it, whatever the outcome.
    """

    number: int
    at: int
    sequence: int
    index: int
    result: int
    where: int
    entries: tuple[Entry, ...]
    transit: tuple[Transit, ...]
    kind: Kind = Kind.PAYMENT
    about: tuple[int, int, int] | None = None
    held: tuple[int, ...] | None = None
    captured: tuple[int, ...] | None = None
    refunded: tuple[int, ...] | None = None
    status: PaymentStatus | None = None
    balances: tuple[Balances, ...] | None = None


class Forgotten(Event, tag=12, frozen=True, gc=False):
    """Every participant has recorded the decision: the home drops the transfer's protocol state."""

    number: int


class PartReserved(Event, tag=13, frozen=True, gc=False):
    """A participant has reserved its side and is bound by the home's decision. `at`, `sequence`, `index`: the payment's place."""

    home: int
    number: int
    at: int
    sequence: int
    index: int
    legs: tuple[Leg, ...]
    holds: tuple[Hold, ...]
    kind: Kind = Kind.PAYMENT
    balances: tuple[Balances, ...] | None = None


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
    kind: Kind = Kind.PAYMENT
    balances: tuple[Balances, ...] | None = None


class Received(Event, tag=16, frozen=True, gc=False):
    """The short road's moment of truth: the other shard makes its entry, and by that decides the payment.

    Of a refund the entry may be a debit; `from_account` is then the account that gives the money back.
    """

    home: int
    number: int
    at: int
    sequence: int
    index: int
    from_account: str
    entry: Entry
    kind: Kind = Kind.PAYMENT
    balances: tuple[Balances, ...] | None = None


class Cleared(Event, tag=17, frozen=True, gc=False):
    """The home has closed all its transfers with numbers under `below`: what was kept about them goes."""

    home: int
    below: int


class Held(Event, tag=18, frozen=True, gc=False):
    """Money was reserved on accounts of this host alone; the home's part of it."""

    key: bytes
    fingerprint: bytes
    legs: tuple[Leg, ...]
    holds: tuple[Hold, ...]
    expires_at: int
    reference: str | None
    metadata: Metadata | None
    balances: tuple[Balances, ...] | None = None


class HeldIn(Event, tag=19, frozen=True, gc=False):
    """Another shard's part of such a hold."""

    home: int
    home_sequence: int
    home_index: int
    holds: tuple[Hold, ...]
    balances: tuple[Balances, ...] | None = None


class OfPayment(Event, frozen=True, gc=False):
    """Something that the home records about one of its payments, which stands at this place."""

    at: int
    sequence: int
    index: int


class Captured(OfPayment, tag=20, frozen=True, gc=False):
    """Part or all of a hold was posted. Amounts are for each leg.

    `amounts` were captured now; `held`, `captured` and `refunded` say how the payment stands after it. `holds` are released here,
    `entries` made here. With a `number` other hosts' shards, `participants`, are still to be told; `released` is what goes from
    each leg's hold.
    """

    key: bytes
    fingerprint: bytes
    amounts: tuple[int, ...]
    released: tuple[int, ...]
    held: tuple[int, ...]
    captured: tuple[int, ...]
    refunded: tuple[int, ...]
    status: PaymentStatus
    holds: tuple[Hold, ...]
    entries: tuple[Entry, ...]
    transit: tuple[Transit, ...]
    number: int
    participants: tuple[int, ...]
    balances: tuple[Balances, ...] | None = None


class Released(OfPayment, tag=21, frozen=True, gc=False):
    """All that was still held was given back: by a void, or by time, which has no key."""

    key: bytes | None
    fingerprint: bytes | None
    kind: Kind
    released: tuple[int, ...]
    captured: tuple[int, ...]
    refunded: tuple[int, ...]
    status: PaymentStatus
    holds: tuple[Hold, ...]
    number: int
    participants: tuple[int, ...]
    balances: tuple[Balances, ...] | None = None


class Settled(Event, tag=22, frozen=True, gc=False):
    """Another shard's part of a capture, a release or a refund of the payment at this place.

    `number` 0: it was decided on the same host, in the same append. Else it names the transfer that brought it.
    """

    home: int
    number: int
    at: int
    sequence: int
    index: int
    kind: Kind
    holds: tuple[Hold, ...]
    entries: tuple[Entry, ...]
    transit: tuple[Transit, ...]
    balances: tuple[Balances, ...] | None = None


class Refunded(OfPayment, tag=23, frozen=True, gc=False):
    """Captured money was moved back, all of it on this host; the home's part.

    `amounts` were refunded now; `held`, `captured` and `refunded` say how the payment stands after it.
    """

    key: bytes
    fingerprint: bytes
    kind: Kind
    amounts: tuple[int, ...]
    held: tuple[int, ...]
    captured: tuple[int, ...]
    refunded: tuple[int, ...]
    status: PaymentStatus
    reason: str | None
    entries: tuple[Entry, ...]
    transit: tuple[Transit, ...]
    balances: tuple[Balances, ...] | None = None


class RefundReserved(OfPayment, tag=24, frozen=True, gc=False):
    """A refund over several hosts: the home has reserved its own side. `legs` are the payment's, backwards, with the amounts.

    `held`, `captured`, `refunded` and `status` say how the payment stands meanwhile.
    """

    number: int
    key: bytes
    fingerprint: bytes
    kind: Kind
    amounts: tuple[int, ...]
    reason: str | None
    legs: tuple[Leg, ...]
    holds: tuple[Hold, ...]
    participants: tuple[int, ...]
    is_long: bool
    balances: tuple[Balances, ...] | None = None
    held: tuple[int, ...] | None = None
    captured: tuple[int, ...] | None = None
    refunded: tuple[int, ...] | None = None
    status: PaymentStatus | None = None


class Recalled(Event, tag=25, frozen=True, gc=False):
    """A payment that memory did not have was read from the archive, because something is about to happen to it."""

    payment: Payment


class Aged(Event, tag=26, frozen=True, gc=False):
    """Memory moves on: what was old before is forgotten, what is there becomes old.

    `filter_bytes` is the size of the filter over forgotten keys; only the shard's first event of this kind sets it.
    """

    filter_bytes: int


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
    | Held
    | HeldIn
    | Captured
    | Released
    | Settled
    | Refunded
    | RefundReserved
    | Recalled
    | Aged
)

TOUCHING = (
    PaidLegs,
    PaidLegsIn,
    Reserved,
    Decided,
    PartReserved,
    PartDecided,
    Received,
    Held,
    HeldIn,
    Captured,
    Released,
    Settled,
    Refunded,
    RefundReserved,
)
"""The events with `balances`."""

encode_events = msgspec.msgpack.Encoder().encode
decode_events = msgspec.msgpack.Decoder(list[AnyEvent]).decode
