"""One shard's state, and the only code that changes it: `apply`, the same for live processing and for replay.

`apply` trusts no event: each posting says what the balance must be afterwards, and a difference stops the shard (Broken).
"""

from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from sys import intern

import msgspec

from processor.core import events as e
from processor.core.account import Account
from processor.core.ensure import Broken, ensure
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


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(State).decode


class Shard:
    """Accounts by id, outcomes by idempotency key, sums by currency, and open transfers to and from other shards.

    `sequence` is the last sealed record's; `at` the time of the newest one; `index` counts the events of the open record, and
    `events` those of all records since this object began (from nothing, or from a snapshot).
    """

    __slots__ = (
        "accounts",
        "appliers",
        "at",
        "events",
        "inboxes",
        "index",
        "next_number",
        "number",
        "outcomes",
        "posted",
        "sequence",
        "shards",
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
        self.appliers = {
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
        }

    # Records and snapshots.

    def replay(self, sequence: int, at: int, events: Sequence[e.AnyEvent]) -> None:
        """Apply a record from the journal. Raises Broken if it does not follow from the state."""
        ensure(sequence == self.sequence + 1, f"record {sequence} follows {self.sequence} on shard {self.number}")
        ensure(at >= self.at, f"time never goes back on shard {self.number} (record {sequence})")
        self.at = at
        self.index = 0
        appliers = self.appliers
        for event in events:
            appliers[type(event)](event)  # type: ignore[operator]
            self.index += 1
        self.seal()

    def seal(self) -> None:
        """Close the open record."""
        self.sequence += 1
        self.events += self.index
        self.index = 0

    def encode(self) -> bytes:
        """Return the whole state as bytes. Only between records."""
        ensure(self.index == 0, "a snapshot is taken between records")
        posted = {currency: str(total) for currency, total in self.posted.items()}
        transit = {other: {currency: str(amount) for currency, amount in sent.items()} for other, sent in self.transit.items()}
        state = State(
            self.number, self.shards, self.sequence, self.at, list(self.accounts.values()), self.outcomes, posted, transit,
            self.next_number, self.transfers, self.inboxes,
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
        return shard

    def shard_of(self, account: str) -> int:
        """Return the shard that the account belongs to."""
        return shard_of(account, self.shards)

    # Applying events. The three hottest are written out; the others share the small steps at the end.

    def apply_paid(self, event: e.Paid) -> None:
        """One leg between two accounts of this shard."""
        source = self.accounts[event.from_account]
        target = self.accounts[event.to_account]
        sequence = self.sequence + 1
        source.posted -= event.amount
        target.posted += event.amount
        if source.posted != event.from_posted or target.posted != event.to_posted:
            raise Broken(f"balances after a payment differ from its record {sequence} on shard {self.number}")
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
        target.version += 1
        target.last_sequence = self.sequence + 1
        self.posted[event.currency] += amount
        self._send(event.home, event.currency, -amount)

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
        self._post(event.entries, event.transit)
        sequence = self.sequence + 1
        self.outcomes[event.key] = pack_outcome(event.fingerprint, self.at, sequence, sequence, self.index, 0, 0)

    def _apply_paid_legs_in(self, event: e.PaidLegsIn) -> None:
        self._post(event.entries, event.transit)

    def _apply_reserved(self, event: e.Reserved) -> None:
        ensure(event.number == self.next_number, "transfers are numbered densely")
        sequence = self.sequence + 1
        self._hold(event.holds, 1)
        self.next_number += 1
        self.transfers[event.number] = Transfer(
            event.number, event.key, event.fingerprint, self.at, sequence, self.index, event.legs, event.holds, event.participants
        )
        self.outcomes[event.key] = pack_outcome(event.fingerprint, self.at, sequence, event.number, self.index, OPEN, 0)

    def _apply_decided(self, event: e.Decided) -> None:
        transfer = self.transfers[event.number]
        ensure(transfer.result is None, "a transfer is decided once")
        self._hold(transfer.holds, -1)
        self._post(event.entries, event.transit)
        transfer.result, transfer.where = event.result, event.where
        transfer.decided_sequence = self.sequence + 1
        if event.result == Result.SHARD_UNAVAILABLE:
            del self.outcomes[transfer.key]
        else:
            self.outcomes[transfer.key] = pack_outcome(
                transfer.fingerprint, transfer.at, transfer.sequence, self.sequence + 1, transfer.index, event.result, event.where
            )
        if transfer.is_short:
            del self.transfers[event.number]

    def _apply_forgotten(self, event: e.Forgotten) -> None:
        ensure(self.transfers[event.number].result is not None, "only decided transfers are forgotten")
        del self.transfers[event.number]

    def _apply_part_reserved(self, event: e.PartReserved) -> None:
        self._hold(event.holds, 1)
        self._remember(event.home, event.number, Part(
            0, 0, self.sequence + 1, event.at, event.sequence, event.index, event.legs, event.holds, False
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
        self._hold(part.holds, -1)
        self._post(event.entries, event.transit)
        part.decided, part.as_of, part.legs, part.holds = True, self.sequence + 1, (), ()

    def _apply_received(self, event: e.Received) -> None:
        entry = event.entry
        self._post((entry,), ((event.home, entry.currency, -entry.amount),))
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

    def _remember(self, home: int, number: int, part: Part) -> None:
        inbox = self.inbox(home)
        ensure(number >= inbox.below and number not in inbox.parts, "a part is taken once")
        inbox.parts[number] = part

    def _hold(self, holds: Sequence[e.Hold], sign: int) -> None:
        for hold in holds:
            account = self.accounts[hold.account]
            account.pending_out += sign * hold.outgoing
            account.pending_in += sign * hold.incoming
            account.version += 1
            ensure(account.pending_out >= 0 and account.pending_in >= 0, "what is reserved is released once")

    def _post(self, entries: Sequence[e.Entry], transit: Sequence[e.Transit]) -> None:
        for entry in entries:
            account = self.accounts[entry.account]
            account.posted += entry.amount
            ensure(account.posted == entry.posted, f"the balance of {entry.account} is what the entry says")
            account.version += 1
            account.last_sequence = self.sequence + 1
            self.posted[entry.currency] += entry.amount
        for other, currency, amount in transit:
            self._send(other, currency, amount)

    def _send(self, other: int, currency: str, amount: int) -> None:
        try:
            self.transit[other][currency] += amount
        except KeyError:
            self.transit.setdefault(other, {})[currency] = amount
