"""One shard's state, and the only code that changes it: `apply`, the same for live processing and for replay.

`apply` trusts no event: each says what the balances must be afterwards, and a difference stops the shard (Broken).
"""

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from struct import Struct
from sys import intern
from typing import Any

import msgspec

from processor.core import events as e
from processor.core import payment_events
from processor.core.account import Account
from processor.core.ensure import Broken, ensure
from processor.core.messages import Kind
from processor.core.payment import Payment, held, minus, place_key, plus
from processor.core.peers import Inbox, Part, Transfer
from processor.core.results import Result
from processor.core.routing import shard_of

# A remembered outcome, packed because there is one for every payment ever made: fingerprint, time, sequence and index of the
# payment's first event, the sequence from which its effect can be read, the result, and where a refusal is about.
_OUTCOME = Struct("<16sqqqIBB")
pack_outcome = _OUTCOME.pack
unpack_outcome = _OUTCOME.unpack
OPEN = 255
"""In place of a result: the payment is still travelling; the sequence to read from is then the transfer's number."""

_TOUCHING = frozenset(e.TOUCHING)  # `isinstance` of an event takes longer than to look at its balances.

Posted = dict[str, int]
Transit = dict[int, dict[str, int]]


class State(msgspec.Struct, array_like=True):
    """Everything that a snapshot holds, in the order in which it came to be: equal histories give equal bytes.

    Sums are text, because MessagePack's integers end at 64 bits: no balance passes them, but the sum of many may.
    """

    number: int
    shards: int
    sequence: int
    at: int
    accounts: list[Account]
    outcomes: dict[bytes, bytes]
    posted: dict[str, str]
    transit: dict[int, dict[str, str]]
    next_number: int
    transfers: dict[int, Transfer]
    inboxes: dict[int, Inbox]
    payments: dict[int, Payment] = {}
    held_for: dict[int, dict[int, tuple[e.Hold, ...]]] = {}
    earlier: dict[bytes, bytes] = {}
    forgotten: int = 0
    boundary: int = 0
    aged_at: int = 0
    key_filter: bytes | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode


class Shard:
    """Accounts by id, outcomes by idempotency key, sums by currency, and open transfers to and from other shards.

    `sequence` is the last sealed record's; `at` the time of the newest one; `index` counts the events of the open record, and
    `events` those of all records since this object began (from nothing, or from a snapshot).

    `payments` are those that were held or changed lately, by `place_key`; `held_for` what is held here for other shards' payments.
    Outcomes have two generations: `outcomes` since the record `boundary`, written at `aged_at`, and `earlier`. What was
    older, up to the record `forgotten`, is not in memory any more; `key_filter` tells which keys may be among it.

    `touched` are the accounts that the newest of the TOUCHING events has touched, in order. It is no part of a snapshot.
    """

    __slots__ = (
        "accounts",
        "aged_at",
        "appliers",
        "at",
        "boundary",
        "earlier",
        "events",
        "forgotten",
        "held_for",
        "inboxes",
        "index",
        "key_filter",
        "next_number",
        "number",
        "outcomes",
        "payments",
        "posted",
        "sequence",
        "shards",
        "touched",
        "transfers",
        "transit",
    )  # fmt: skip

    def __init__(self, number: int, shards: int) -> None:
        self.number = number
        self.shards = shards
        self.sequence = 0
        self.at = 0
        self.index = 0
        self.events = 0
        self.accounts: dict[str, Account] = {}
        self.outcomes: dict[bytes, bytes] = {}
        self.posted: Posted = {}
        self.transit: Transit = {}
        self.next_number = 1
        self.transfers: dict[int, Transfer] = {}
        self.inboxes: dict[int, Inbox] = {}
        self.payments: dict[int, Payment] = {}
        self.held_for: dict[int, dict[int, tuple[e.Hold, ...]]] = {}
        self.earlier: dict[bytes, bytes] = {}
        self.forgotten = 0
        self.boundary = 0
        self.aged_at = 0
        self.key_filter: bytearray | None = None
        self.touched: dict[str, Account] = {}
        self.appliers: dict[type, Callable[[Any], None]] = {
            e.Fence: self._apply_fence,
            e.AccountOpened: self._apply_account_opened,
            e.StatusChanged: self._apply_status_changed,
            e.Paid: self.apply_paid,
            e.Refused: self._apply_refused,
            e.PaidOut: self.apply_paid_out,
            e.PaidIn: self.apply_paid_in,
            e.PaidLegs: self._apply_paid_legs,
            e.PaidLegsIn: self._apply_paid_legs_in,
            e.Reserved: self._apply_reserved,
            e.Decided: self._apply_decided,
            e.Forgotten: self._apply_forgotten,
            e.PartReserved: self._apply_part_reserved,
            e.PartRefused: self._apply_part_refused,
            e.PartDecided: self._apply_part_decided,
            e.Received: self._apply_received,
            e.Cleared: self._apply_cleared,
            e.Held: partial(payment_events.apply_held, self),
            e.HeldIn: partial(payment_events.apply_held_in, self),
            e.Captured: partial(payment_events.apply_captured, self),
            e.Released: partial(payment_events.apply_released, self),
            e.Settled: partial(payment_events.apply_settled, self),
            e.Refunded: partial(payment_events.apply_refunded, self),
            e.RefundReserved: partial(payment_events.apply_refund_reserved, self),
            e.Recalled: partial(payment_events.apply_recalled, self),
            e.Aged: partial(payment_events.apply_aged, self),
        }
        for kind in e.TOUCHING:
            self.appliers[kind] = partial(self._apply_touching, self.appliers[kind])

    # Records and snapshots.

    def replay(self, sequence: int, at: int, events: Sequence[e.AnyEvent]) -> None:
        """Apply a record from the journal. Raises Broken if it does not follow from the state."""
        ensure(sequence == self.sequence + 1, f"record {sequence} follows {self.sequence} on shard {self.number}")
        ensure(at >= self.at, f"time never goes back on shard {self.number} (record {sequence})")
        self.at = at
        self.index = 0
        appliers = self.appliers
        for event in events:
            appliers[type(event)](event)
            self.index += 1
        self.seal()

    def seal(self) -> None:
        """Close the open record."""
        self.sequence += 1
        self.events += self.index
        self.index = 0
        if not self.aged_at:
            self.aged_at = self.at

    def encode(self) -> bytes:
        """Return the whole state as bytes. Only between records."""
        ensure(self.index == 0, "a snapshot is taken between records")
        posted = {currency: str(total) for currency, total in self.posted.items()}
        transit = {other: {currency: str(amount) for currency, amount in sent.items()} for other, sent in self.transit.items()}
        state = State(
            self.number, self.shards, self.sequence, self.at, list(self.accounts.values()), self.outcomes, posted, transit,
            self.next_number, self.transfers, self.inboxes, self.payments, self.held_for, self.earlier,
            self.forgotten, self.boundary, self.aged_at, bytes(self.key_filter) if self.key_filter is not None else None,
        )  # fmt: skip
        return _encode(state)

    def digest(self) -> bytes:
        """Return the SHA-256 of the encoded state."""
        return sha256(self.encode()).digest()

    @classmethod
    def decode(cls, data: bytes) -> "Shard":
        """Return the shard that `encode` wrote. Raises Broken."""
        try:
            state = _decode(data)
        except msgspec.MsgspecError as error:
            raise Broken(f"a snapshot cannot be read: {error}") from error
        shard = cls(state.number, state.shards)
        shard.sequence, shard.at, shard.next_number = state.sequence, state.at, state.next_number
        for account in state.accounts:
            account.currency, account.status = intern(account.currency), intern(account.status)  # type: ignore[assignment]
            shard.accounts[account.id] = account
        shard.outcomes = state.outcomes
        shard.posted = {intern(currency): int(total) for currency, total in state.posted.items()}
        shard.transit = {
            other: {intern(currency): int(amount) for currency, amount in sent.items()} for other, sent in state.transit.items()
        }
        shard.transfers, shard.inboxes = state.transfers, state.inboxes
        shard.payments, shard.held_for, shard.earlier = state.payments, state.held_for, state.earlier
        shard.forgotten, shard.boundary, shard.aged_at = state.forgotten, state.boundary, state.aged_at
        shard.key_filter = bytearray(state.key_filter) if state.key_filter is not None else None
        return shard

    def shard_of(self, account: str) -> int:
        """Return the shard that the account belongs to."""
        return shard_of(account, self.shards)

    # Applying events. The three hottest are written out; the others share the small steps at the end.

    def enact(self, event: e.AnyEvent) -> None:
        """Let a new event take effect, and note in it how the accounts that it has touched stand now.

        Events are frozen, but this one is still being made: it has not been encoded, and nobody has it but the open record.
        """
        self.appliers[type(event)](event)
        if type(event) in _TOUCHING:
            msgspec.structs.force_setattr(event, "balances", self.standing())

    def standing(self) -> tuple[e.Balances, ...]:
        """Return how the touched accounts stand."""
        return tuple([
            e.Balances(account.id, account.currency, account.posted, account.pending_out, account.pending_in)
            for account in self.touched.values()
        ])  # fmt: skip

    def _apply_touching(self, apply: Callable[[Any], None], event: Any) -> None:
        self.touched.clear()
        apply(event)
        if event.balances is not None and event.balances != self.standing():
            raise Broken(
                f"the balances in record {self.sequence + 1} on shard {self.number} are {event.balances}, not {self.standing()}"
            )

    def apply_paid(self, event: e.Paid) -> None:
        """One leg between two accounts of this shard."""
        source = self.accounts[event.from_account]
        target = self.accounts[event.to_account]
        sequence = self.sequence + 1
        source.posted -= event.amount
        target.posted += event.amount
        if source.posted != event.from_posted or target.posted != event.to_posted:
            raise Broken(f"balances after a payment differ from its record {sequence} on shard {self.number}")
        if event.pending or source.pending_out or source.pending_in or target.pending_out or target.pending_in:
            self._check_pending(event.pending, source, target)
        source.version += 1
        target.version += 1
        source.last_sequence = target.last_sequence = sequence
        self.outcomes[event.key] = pack_outcome(event.fingerprint, self.at, sequence, sequence, self.index, 0, 0)

    def apply_paid_out(self, event: e.PaidOut) -> None:
        """The home's half of one leg to another shard of the same host."""
        source = self.accounts[event.from_account]
        amount = event.amount
        sequence = self.sequence + 1
        source.posted -= amount
        if source.posted != event.from_posted:
            raise Broken(f"the balance after a payment differs from its record {sequence} on shard {self.number}")
        if event.pending or source.pending_out or source.pending_in:
            self._check_pending(event.pending, source)
        source.version += 1
        source.last_sequence = sequence
        self.posted[event.currency] -= amount
        self._send(event.other, event.currency, amount)
        self.outcomes[event.key] = pack_outcome(event.fingerprint, self.at, sequence, sequence, self.index, 0, 0)

    def apply_paid_in(self, event: e.PaidIn) -> None:
        """The other half of such a leg."""
        target = self.accounts[event.to_account]
        amount = event.amount
        target.posted += amount
        if target.posted != event.to_posted:
            raise Broken(f"the balance after a payment differs from its record {self.sequence + 1} on shard {self.number}")
        if event.pending or target.pending_out or target.pending_in:
            self._check_pending(event.pending, target)
        target.version += 1
        target.last_sequence = self.sequence + 1
        self.posted[event.currency] += amount
        self._send(event.home, event.currency, -amount)

    def _check_pending(self, said: tuple[int, ...] | None, *accounts: Account) -> None:
        """What such an event says to be reserved is so; None says nothing."""
        reserved = tuple(amount for account in accounts for amount in (account.pending_out, account.pending_in))
        if said is not None and said != (reserved if any(reserved) else ()):
            raise Broken(f"{said} is reserved by record {self.sequence + 1} on shard {self.number}, the accounts have {reserved}")

    def _apply_fence(self, event: e.Fence) -> None:
        """Nothing changes: the fence has done its work by taking a place in the journal."""

    def _apply_account_opened(self, event: e.AccountOpened) -> None:
        ensure(event.account not in self.accounts, "an account is opened once")
        currency = intern(event.currency)
        self.accounts[event.account] = Account(
            event.account, currency, "open", 0, 0, 0, event.min_balance, event.max_balance, 1, event.metadata, self.at, 0
        )
        self.posted.setdefault(currency, 0)

    def _apply_status_changed(self, event: e.StatusChanged) -> None:
        account = self.accounts[event.account]
        account.status = intern(event.status)  # type: ignore[assignment]
        account.version += 1

    def _apply_refused(self, event: e.Refused) -> None:
        sequence = self.sequence + 1
        self.outcomes[event.key] = pack_outcome(
            event.fingerprint, self.at, sequence, sequence, self.index, event.result, event.where
        )

    def _apply_paid_legs(self, event: e.PaidLegs) -> None:
        self.post(event.entries, event.transit)
        self.remember_outcome(event.key, event.fingerprint)

    def _apply_paid_legs_in(self, event: e.PaidLegsIn) -> None:
        self.post(event.entries, event.transit)

    def _apply_reserved(self, event: e.Reserved) -> None:
        ensure(event.number == self.next_number, "transfers are numbered densely")
        is_hold = event.expires_at is not None
        self.reserve(event.holds, 1)
        self.next_number += 1
        self.transfers[event.number] = Transfer(
            event.number, event.key, event.fingerprint, self.at, self.sequence + 1, self.index, event.legs, event.holds,
            event.participants, kind=Kind.HOLD if is_hold else Kind.PAYMENT, is_long=is_hold, expires_at=event.expires_at,
            reference=event.reference if is_hold else None, metadata=event.metadata if is_hold else None,
            conditions=event.conditions,
        )  # fmt: skip
        self.remember_open(event.key, event.fingerprint, event.number)

    def _apply_decided(self, event: e.Decided) -> None:
        transfer = self.transfers[event.number]
        ensure(transfer.result is None, "a transfer is decided once")
        is_committed = event.result == 0
        if not (is_committed and transfer.kind == Kind.HOLD):
            self.reserve(transfer.holds, -1)
        self.post(event.entries, event.transit)
        if transfer.expires_at is not None and is_committed:
            payment = held(
                transfer.at, transfer.sequence, transfer.index, transfer.legs, transfer.expires_at,
                transfer.reference, transfer.metadata, self.sequence + 1,
            )  # fmt: skip
            self.payments[payment.key] = payment
        elif transfer.about is not None:
            self._end_refund(transfer, event)
        transfer.result, transfer.where = event.result, event.where
        transfer.decided_sequence = self.sequence + 1
        self.earlier.pop(transfer.key, None)
        if event.result == Result.SHARD_UNAVAILABLE:
            self.outcomes.pop(transfer.key, None)
        else:
            self.outcomes[transfer.key] = pack_outcome(
                transfer.fingerprint, transfer.at, transfer.sequence, self.sequence + 1, transfer.index, event.result, event.where
            )
        if transfer.is_short:
            del self.transfers[event.number]

    def _end_refund(self, transfer: Transfer, event: e.Decided) -> None:
        assert transfer.about is not None
        _, sequence, index = transfer.about
        payment = self.payments[place_key(sequence, index)]
        payment.refunding = minus(payment.refunding, transfer.amounts)
        payment.changed = self.sequence + 1
        if event.result == 0:
            payment.refunded = plus(payment.refunded, transfer.amounts)
        ensure(payment.refunded == event.refunded, "refunded amounts are what the event says")

    def _apply_forgotten(self, event: e.Forgotten) -> None:
        ensure(self.transfers[event.number].result is not None, "only decided transfers are forgotten")
        del self.transfers[event.number]

    def _apply_part_reserved(self, event: e.PartReserved) -> None:
        self.reserve(event.holds, 1)
        self._remember(event.home, event.number, Part(
            0, 0, self.sequence + 1, event.at, event.sequence, event.index, event.legs, event.holds, False, event.kind
        ))  # fmt: skip

    def _apply_part_refused(self, event: e.PartRefused) -> None:
        part = Part(event.result, event.where, self.sequence + 1, 0, 0, 0, (), (), True)
        self._remember(event.home, event.number, part)

    def _apply_part_decided(self, event: e.PartDecided) -> None:
        part = self.inbox(event.home).parts.get(event.number)
        if part is None:
            ensure(not event.committed, "nothing is committed that was not reserved")
            part = Part(int(Result.SHARD_UNAVAILABLE), 0, 0, 0, 0, 0, (), (), False)
            self._remember(event.home, event.number, part)
        ensure(not part.decided, "a part is decided once")
        if event.committed and part.kind == Kind.HOLD:
            payment_events.keep_for(self, event.home, place_key(part.sequence, part.index), part.holds)
        else:
            self.reserve(part.holds, -1)
        self.post(event.entries, event.transit)
        part.decided, part.as_of, part.legs, part.holds = True, self.sequence + 1, (), ()

    def _apply_received(self, event: e.Received) -> None:
        entry = event.entry
        self.post((entry,), ((event.home, entry.currency, -entry.amount),))
        part = Part(0, 0, self.sequence + 1, event.at, event.sequence, event.index, (), (), True)
        self._remember(event.home, event.number, part)

    def _apply_cleared(self, event: e.Cleared) -> None:
        inbox = self.inbox(event.home)
        ensure(event.below > inbox.below, "an inbox is cleared forwards")
        for number in [number for number in inbox.parts if number < event.below]:
            ensure(inbox.parts[number].decided, "only decided parts are cleared")
            del inbox.parts[number]
        inbox.below = event.below

    # Small steps.

    def inbox(self, home: int) -> Inbox:
        """Return what is remembered of a home's transfers."""
        return self.inboxes.setdefault(home, Inbox(0, {}))

    def remember_outcome(self, key: bytes, fingerprint: bytes) -> None:
        """Note that the key was accepted by the event that is being applied."""
        sequence = self.sequence + 1
        self.outcomes[key] = pack_outcome(fingerprint, self.at, sequence, sequence, self.index, 0, 0)

    def remember_open(self, key: bytes, fingerprint: bytes, number: int) -> None:
        """Note that the key's outcome will be that of this transfer."""
        self.outcomes[key] = pack_outcome(fingerprint, self.at, self.sequence + 1, number, self.index, OPEN, 0)

    def remember_settled(self, event: e.Settled) -> None:
        """Note that a decision of another host's shard has been carried out here."""
        part = Part(0, 0, self.sequence + 1, event.at, event.sequence, event.index, (), (), True, event.kind)
        self._remember(event.home, event.number, part)

    def _remember(self, home: int, number: int, part: Part) -> None:
        inbox = self.inbox(home)
        ensure(number >= inbox.below and number not in inbox.parts, "a part is taken once")
        inbox.parts[number] = part

    def reserve(self, holds: Sequence[e.Hold], sign: int) -> None:
        """Reserve (sign 1) or release (-1) on accounts."""
        for hold in holds:
            account = self.accounts[hold.account]
            account.pending_out += sign * hold.outgoing
            account.pending_in += sign * hold.incoming
            account.version += 1
            self.touched[hold.account] = account
            ensure(account.pending_out >= 0 and account.pending_in >= 0, "what is reserved is released once")

    def post(self, entries: Sequence[e.Entry], transit: Sequence[e.Transit]) -> None:
        """Make entries, and note what went to and came from other shards."""
        for entry in entries:
            account = self.accounts[entry.account]
            account.posted += entry.amount
            ensure(account.posted == entry.posted, f"the balance of {entry.account} is what the entry says")
            account.version += 1
            account.last_sequence = self.sequence + 1
            self.touched[entry.account] = account
            self.posted[entry.currency] += entry.amount
        for other, currency, amount in transit:
            self._send(other, currency, amount)

    def send(self, other: int, currency: str, amount: int) -> None:
        """Note posted money that went to another shard (negative: that came from there)."""
        self.posted[currency] -= amount
        self._send(other, currency, amount)

    def _send(self, other: int, currency: str, amount: int) -> None:
        try:
            self.transit[other][currency] += amount
        except KeyError:
            self.transit.setdefault(other, {})[currency] = amount
