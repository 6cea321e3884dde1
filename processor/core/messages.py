"""What may be asked of a shard, and what it answers. Plain data that crosses process borders as MessagePack arrays.

Amounts are integers in minor units. `key` and `fingerprint` are 16-byte digests made where the request enters:
`key` names the idempotency key within its scope (tenant and first `from` account, or the payment that is changed), `fingerprint`
the request's content. Times are microseconds since 1970 in UTC.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Literal

import msgspec

from processor.core.results import Result
from processor.core.routing import shard_of

Status = Literal["open", "frozen", "closed"]
PaymentStatus = Literal["succeeded", "held", "voided", "expired", "partially_refunded", "refunded"]
Metadata = dict[str, str]
Balance = Literal["posted", "pending_in", "pending_out", "available"]
Comparison = Literal["gte", "gt", "lte", "lt", "eq"]
DIGEST_BYTES = 16


class Kind(IntEnum):
    """What a line on an account was made by. The numbers stand in journals and never change."""

    PAYMENT = 0
    CAPTURE = 1
    REFUND = 2
    REVERSAL = 3
    HOLD = 4
    VOID = 5
    EXPIRY = 6


class Condition(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A payment is made only if this balance of one of its accounts, as it stands before the payment, compares so to `value`."""

    account: str
    balance: Balance
    comparison: Comparison
    value: int


class Message(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Something asked of one shard. `shard` is where the account, or the first `from` account, lives."""

    shard: int


class Pay(Message, tag=1, frozen=True, gc=False):
    """Move money over one leg. `version`: what the `from` account's version must be (None: whatever it is)."""

    key: bytes
    fingerprint: bytes
    from_account: str
    to_account: str
    amount: int
    currency: str
    reference: str | None = None
    metadata: Metadata | None = None
    conditions: tuple[Condition, ...] | None = None
    version: int | None = None


class Leg(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One movement of a payment with several legs."""

    from_account: str
    to_account: str
    amount: int
    currency: str


class PayLegs(Message, tag=2, frozen=True, gc=False):
    """Move money over several legs, all or nothing. Legs take effect in order: a leg may spend what an earlier one brought."""

    key: bytes
    fingerprint: bytes
    legs: tuple[Leg, ...]
    reference: str | None = None
    metadata: Metadata | None = None
    conditions: tuple[Condition, ...] | None = None
    version: int | None = None


class OpenAccount(Message, tag=3, frozen=True, gc=False):
    """Open an account. `min_balance=None` means that it may go below zero without a bound."""

    account: str
    currency: str
    min_balance: int | None = 0
    max_balance: int | None = None
    metadata: Metadata | None = None


class SetStatus(Message, tag=4, frozen=True, gc=False):
    """Freeze, unfreeze (`open`) or close an account. `version`: what its version must be (None: whatever it is)."""

    account: str
    status: Status
    version: int | None = None


class ReadAccount(Message, tag=5, frozen=True, gc=False):
    """Read an account's balances.

    `between_records`: not in the middle of a record that is being made, but as it stands when the record that the answer names ends.
    """

    account: str
    between_records: bool = False


class ReadTotals(Message, tag=6, frozen=True, gc=False):
    """Read the shard's sums per currency."""


class ReadDigest(Message, tag=7, frozen=True, gc=False):
    """Read the digest of the shard's whole state, to compare it with a replay of the journal."""


class Hold(Message, tag=8, frozen=True, gc=False):
    """Reserve money on one or more legs, to be captured later, until `lasts_microseconds` after the hold was recorded.

    Each leg reserves its own amount: unlike a payment at once, a leg cannot count on what another leg of the hold would bring.
    """

    key: bytes
    fingerprint: bytes
    legs: tuple[Leg, ...]
    lasts_microseconds: int
    reference: str | None = None
    metadata: Metadata | None = None
    conditions: tuple[Condition, ...] | None = None
    version: int | None = None


class OfPayment(Message, frozen=True, gc=False):
    """A message about a payment that exists. `shard`, `at`, `sequence` and `index` are its place, as its id tells."""

    at: int
    sequence: int
    index: int


class Capture(OfPayment, tag=9, frozen=True, gc=False):
    """Post what was held. `amounts`: for each leg (None: all that is still held). `final` releases the rest."""

    key: bytes
    fingerprint: bytes
    amounts: tuple[int, ...] | None = None
    final: bool = True


class Void(OfPayment, tag=10, frozen=True, gc=False):
    """Release all that is still held."""

    key: bytes
    fingerprint: bytes


class Refund(OfPayment, tag=11, frozen=True, gc=False):
    """Move back what was captured. `amounts`: for each leg (None: all that has not been refunded).

    With a `reason` it is a reversal: an operator's correction of a mistaken payment, which frozen accounts do not stop.
    """

    key: bytes
    fingerprint: bytes
    amounts: tuple[int, ...] | None = None
    reason: str | None = None


class ReadPayment(OfPayment, tag=12, frozen=True, gc=False):
    """Read a payment as it stands."""


class PayMany(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=14):
    """Many payments of one leg each, as columns: nothing is made for each of them on the way to their shards, whichever these are.

    `keys` and `fingerprints` are all the digests, one behind the other. `currencies` has one element if it is the same for all,
    `references` none if no payment has one. They are decided in their order, each as a Pay would be.
    """

    keys: bytes
    fingerprints: bytes
    from_accounts: list[str]
    to_accounts: list[str]
    amounts: list[int]
    currencies: list[str]
    references: list[str | None]

    def __len__(self) -> int:
        return len(self.amounts)

    def pay(self, index: int, shards: int) -> Pay:
        """Return one of them as a message by itself."""
        first, behind = index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES
        source = self.from_accounts[index]
        return Pay(
            shard_of(source, shards), self.keys[first:behind], self.fingerprints[first:behind], source, self.to_accounts[index],
            self.amounts[index], self.currencies[index if len(self.currencies) > 1 else 0],
            self.references[index] if self.references else None,
        )  # fmt: skip

    def select(self, indexes: Sequence[int]) -> "PayMany":
        """Return some of them, in this order."""
        keys, fingerprints, size = self.keys, self.fingerprints, DIGEST_BYTES
        return PayMany(
            b"".join([keys[size * index : size * index + size] for index in indexes]),
            b"".join([fingerprints[size * index : size * index + size] for index in indexes]),
            [self.from_accounts[index] for index in indexes],
            [self.to_accounts[index] for index in indexes],
            [self.amounts[index] for index in indexes],
            [self.currencies[index] for index in indexes] if len(self.currencies) > 1 else self.currencies,
            [self.references[index] for index in indexes] if self.references else [],
        )


AnyMessage = (
    Pay | PayLegs | OpenAccount | SetStatus | ReadAccount | ReadTotals | ReadDigest | Hold | Capture | Void | Refund | ReadPayment
)


class AccountView(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An account as it stands at one sequence of its shard. `last_sequence` is the record of its newest entry (0: none)."""

    id: str
    currency: str
    status: Status
    posted: int
    pending_in: int
    pending_out: int
    min_balance: int | None
    max_balance: int | None
    version: int
    metadata: Metadata | None
    opened_at: int
    last_sequence: int


class PaymentAnswer(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=1):
    """The outcome of a payment.

    `at`, `sequence` and `index` (with the message's shard) make the payment's id and its `created_at`; `as_of` is the
    shard's sequence from which the payment's effect can be read; `others` are such positions on other shards. `where` says
    which side of which leg a refusal is about: twice the leg's index, plus one for its `to` side.
    """

    result: Result
    replayed: bool
    at: int
    sequence: int
    index: int
    as_of: int
    where: int = 0
    others: tuple[tuple[int, int], ...] = ()


class PaidMany(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=9):
    """What became of PayMany. Payment i was first recorded in `records[record_of[i]]`, as event `indexes[i]` of it.

    A record is (time, shard, sequence). Payments that were not accepted at once have -1 in `record_of`: their own answers follow, in
    order, after the answers of all messages of the call. `positions` are the (shard, sequence) from which the accepted ones can be read.
    """

    records: list[tuple[int, int, int]]
    record_of: list[int]
    indexes: list[int]
    positions: list[tuple[int, int]]


class PaymentView(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A payment as it stands after the record `changed` of its home shard; `at`, `sequence` and `index` are its place there.

    `held`, `captured` and `refunded` are amounts for each leg. `expires_at` is None if it never was a hold.
    """

    at: int
    sequence: int
    index: int
    status: PaymentStatus
    legs: tuple[Leg, ...]
    held: tuple[int, ...]
    captured: tuple[int, ...]
    refunded: tuple[int, ...]
    expires_at: int | None
    reference: str | None
    metadata: Metadata | None
    changed: int


class OperationAnswer(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=8):
    """The outcome of a capture, a void, a refund or a read of a payment.

    `at`, `sequence` and `index` are the place of the event that recorded it (a read: the payment's own). `payment` is how the
    payment stood right after it, and `amounts` what was done to each leg; None and () if it was refused, and for a replay, whose
    event in the journal tells it.
    """

    result: Result
    replayed: bool
    at: int
    sequence: int
    index: int
    as_of: int
    where: int = 0
    others: tuple[tuple[int, int], ...] = ()
    payment: PaymentView | None = None
    amounts: tuple[int, ...] = ()


class AccountAnswer(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=2):
    """The account after a message about it (None if there is no such account), at the shard's `sequence`."""

    result: Result
    created: bool
    account: AccountView | None
    sequence: int


class TotalsAnswer(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=3):
    """Per currency: the sum of posted balances, the money in transit to or from other shards, the number of accounts.

    The sums are decimal strings: they may need more than the 64 bits that MessagePack has for an integer.
    """

    currencies: dict[str, tuple[str, str, int]]
    sequence: int


class DigestAnswer(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=4):
    """SHA-256 of the shard's encoded state at `sequence`."""

    sequence: int
    digest: bytes


class NotOwner(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=5):
    """This host does not own the shard now: look at the shard map again. Nothing was done."""

    shard: int


class Busy(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=6):
    """The host's queue is full: try again after `retry_after_seconds`. Nothing was done."""

    retry_after_seconds: float


class Unknown(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=7):
    """The host lost its journal while the message was under way, or the payment still travels: ask again with the same key."""


Request = AnyMessage | PayMany
"""What a call to a host may hold."""


def size_of(requests: "Sequence[Request]") -> int:
    """Return how many messages these stand for."""
    return sum([len(request) if type(request) is PayMany else 1 for request in requests])


AnyAnswer = PaymentAnswer | OperationAnswer | AccountAnswer | TotalsAnswer | DigestAnswer | NotOwner | Busy | Unknown
Reply = AnyAnswer | PaidMany
