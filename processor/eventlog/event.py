"""A published event: one fact of the journal in the words of the API.

Its name is `shard:sequence:index`, the place of the journal's event that it tells. Whoever has seen a name drops repeats of it; of one
shard, events come in the order of (sequence, index). Amounts are integers in minor units here; in JSON those beyond 2^53-1 are text.
"""

from typing import Literal

import msgspec

from processor.core.messages import Metadata, PaymentStatus, Status

Direction = Literal["debit", "credit"]
Operation = Literal["payment", "hold", "capture", "void", "expiry", "refund", "reversal"]
SIDES = {"from_account": "from", "to_account": "to"}


class LegData(msgspec.Struct, frozen=True, gc=False, rename=SIDES):
    """One movement of a payment."""

    from_account: str
    to_account: str
    amount: int
    currency: str


class EntryData(msgspec.Struct, frozen=True, gc=False):
    """One line that was made on an account, and what was posted there after it."""

    account: str
    direction: Direction
    amount: int
    currency: str
    posted_after: int


class BalancesData(msgspec.Struct, frozen=True, gc=False):
    """How an account stands after the event. None: an early version of this program did not record it."""

    account: str
    currency: str
    posted: int | None
    pending_in: int | None
    pending_out: int | None
    available: int | None


class PaymentData(msgspec.Struct, frozen=True, gc=False, rename=SIDES):
    """A payment as it stands after the event: what `GET /v1/payments/{id}` answers, without `as_of`."""

    id: str
    status: PaymentStatus | Literal["pending", "refused"]
    from_account: str | None
    to_account: str | None
    amount: int | None
    currency: str | None
    legs: tuple[LegData, ...]
    mode: Literal["immediate", "hold"]
    held: int | None
    captured: int | None
    refunded: int | None
    expires_at: int | None
    reference: str | None
    metadata: Metadata
    created_at: int


class AccountData(msgspec.Struct, frozen=True, gc=False):
    """An account that was opened, or whose status has changed. Of a change only `id` and `status` are known here."""

    id: str
    status: Status
    currency: str | None = None
    min_balance: int | None = None
    max_balance: int | None = None
    metadata: Metadata | None = None


class AboutAccount(msgspec.Struct, frozen=True, gc=False):
    """The data of `account.*`."""

    account: AccountData
    balances: tuple[BalancesData, ...]


class AboutPayment(msgspec.Struct, frozen=True, gc=False):
    """The data of `payment.*`: told once, by the payment's home.

    `amounts`: for each leg, what this operation moves, reserves or releases, or would have if it is refused. `reason` is what was
    given for a reversal; `code` says why something was refused, as in the HTTP contract. `entries` and `balances` are those of the
    home's accounts alone; other shards' follow with `balances.changed`.
    """

    operation: Operation
    payment: PaymentData
    amounts: tuple[int, ...]
    reason: str | None
    entries: tuple[EntryData, ...]
    balances: tuple[BalancesData, ...]
    code: str | None = None


class AboutRefusal(msgspec.Struct, frozen=True, gc=False):
    """The data of `payment.refused`: a request to make or to change a payment broke a rule, and nothing was done.

    `code` is that of the HTTP contract and `request_id` what the refusal was answered with. `payment_id` is the payment that was to
    be changed, or what the refused payment is known by. `operation` and `payment_id` are None where an early version of this
    program did not record them. `leg` and `side` say which account of the payment's legs it was, `condition` which balance
    condition did not hold; both counted from 0.
    """

    operation: Operation | None
    payment_id: str | None
    request_id: str
    code: str
    leg: int | None
    side: Literal["from", "to"] | None
    condition: int | None


class AboutBalances(msgspec.Struct, frozen=True, gc=False):
    """The data of `balances.changed`: what an operation on a payment of another shard did to accounts of this one."""

    operation: Operation
    payment_id: str
    entries: tuple[EntryData, ...]
    balances: tuple[BalancesData, ...]


AnyData = AboutAccount | AboutPayment | AboutRefusal | AboutBalances


class PublishedEvent(msgspec.Struct, frozen=True, gc=False):
    """One event. `at` in microseconds since 1970; `subject` is the payment's or the account's id; `accounts` are those whose balances
    it tells, all of them of this shard."""

    shard: int
    sequence: int
    index: int
    at: int
    type: str
    subject: str
    accounts: tuple[str, ...]
    data: AnyData

    @property
    def name(self) -> str:
        """`shard:sequence:index`."""
        return f"{self.shard}:{self.sequence}:{self.index}"
