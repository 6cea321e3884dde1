"""The shards of one host, and the rules by which they decide. Synchronous and pure: time is an argument, nothing is read or
sent.

A turn is: `begin(now)`, any number of `handle` (clients' messages) and `receive` (other shards' messages), then `seal()`,
which gives the records to append, the messages to send once they are durable, and the payments that came to an end. Answers
may be released only after the append. If it fails, the whole Ledger is thrown away and built again from the journal.

Payments whose accounts all live here are decided at once, over any number of shards, because the host's append is atomic over
them. The others travel: see `travel.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from processor.core import events as e
from processor.core import messages as m
from processor.core.account import HIGHEST_BALANCE, LOWEST_BALANCE, Account, availability_problem, credit_problem, debit_problem
from processor.core.ensure import ensure
from processor.core.key_filter import may_have
from processor.core.legs import Refusal, judge_conditions, make_entries, plan_holds
from processor.core.many import Single, pay_many
from processor.core.operations import Operations
from processor.core.payment import Payment
from processor.core.peers import AnyPeerMessage
from processor.core.recall import AnyFact, OutcomeFact, PaymentFact, Recall
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.core.shard import OPEN, Shard, unpack_outcome
from processor.core.travel import Travel
from processor.core.turn import AfterSeal, Pending, SealedRecord, Turn

_ACCEPTED = Result.ACCEPTED  # an enum's members are slow to look up


class Retention(msgspec.Struct, frozen=True):
    """How much of the past a shard keeps in memory: two generations, each of at most about so many outcomes and so long.

    Beyond that it depends on the archive: nothing is forgotten that the archive does not have. `filter_bytes`: a power of two.
    """

    outcomes: int = 25_000
    microseconds: int = 3_600_000_000
    filter_bytes: int = 1 << 20


class _NotInMemory(Exception):
    """The archive has to be asked."""

    def __init__(self, recall: Recall) -> None:
        self.recall = recall


class Ledger:
    """The shards of one host by number.

    `at` is the turn's time, which never goes back on any of them. `waited` is the sum of the time that has passed between turns:
    it goes on at once after the clock was set back, when `at` stands still.
    """

    def __init__(self, shards: int, retention: Retention | None = None) -> None:
        """`retention`: None keeps everything in memory."""
        self.shard_count = shards
        self._retention = retention
        self.shards: dict[int, Shard] = {}
        self.at = 0
        self.waited = 0
        self._clock = 0
        self._open: dict[int, list[e.AnyEvent]] = {}
        self._consulted: set[int] = set()
        self._facts: dict[tuple[int, bytes | tuple[int, int, int]], AnyFact] = {}
        self._travel = Travel(self)
        self.operations = Operations(self)
        operations = self.operations
        self._handlers: dict[type, Callable[[Any, Shard], m.AnyAnswer | Pending | AfterSeal]] = {
            m.Pay: self._pay,
            m.PayLegs: self._pay_legs,
            m.OpenAccount: self._open_account,
            m.SetStatus: self._set_status,
            m.ReadAccount: self._read_account,
            m.ReadTotals: self._read_totals,
            m.ReadDigest: self._read_digest,
            m.Hold: operations.hold,
            m.Capture: operations.capture,
            m.Void: operations.void,
            m.Refund: operations.refund,
            m.ReadPayment: operations.read,
        }

    # Turns.

    def add(self, shard: Shard) -> None:
        """Take over a shard, as it came from the journal. Its open transfers are asked about again in the next `tick`."""
        ensure(shard.shards == self.shard_count, "all shards belong to one ledger")
        self.shards[shard.number] = shard
        self.at = max(self.at, shard.at)
        self.operations.watch_all(shard)

    def remove(self, number: int) -> Shard:
        """Give a shard up. Only between turns."""
        ensure(not self._open, "shards leave between turns")
        self._travel.forget(number)
        return self.shards.pop(number)

    def begin(self, now: int) -> None:
        """Start a turn at this time (microseconds since 1970); a clock that goes back is held. Holds whose time has come end."""
        self.at = max(self.at, now)
        self.waited += max(0, now - self._clock)
        self._clock = now
        self._consulted.clear()
        self.operations.expire()

    def handle(self, message: m.AnyMessage) -> m.AnyAnswer | Pending | AfterSeal | Recall:
        """Decide one message."""
        shard = self.shards.get(message.shard)
        if shard is None:
            return m.NotOwner(message.shard)
        try:
            return self._handlers[type(message)](message, shard)
        except _NotInMemory as missing:
            return missing.recall

    def pay_many(self, payments: m.PayMany) -> tuple[m.PaidMany, list[Single]]:
        """Decide many payments in their order, each as a Pay would be; return also those that could not simply be accepted."""
        return pay_many(self, payments)

    def recall(self, facts: Iterable[AnyFact]) -> None:
        """Bring in what the archive said, for this turn's messages."""
        for fact in facts:
            self._facts[fact.shard, fact.key if isinstance(fact, OutcomeFact) else fact.place] = fact

    def wants_to_age(self) -> bool:
        """Whether any shard has more in memory than it should, so that `age` may be of use."""
        return any(self._is_full(shard) for shard in self.shards.values())

    def age(self, archived: Mapping[int, int]) -> None:
        """Let shards forget what is old, as far as the archive has it. `archived`: shard -> record up to which it is complete."""
        for shard in self.shards.values():
            if self._retention is not None and self._is_full(shard) and archived.get(shard.number, 0) >= shard.boundary:
                self.emit(shard, e.Aged(self._retention.filter_bytes))

    def _is_full(self, shard: Shard) -> bool:
        if self._retention is None or not (shard.outcomes or shard.earlier):
            return False
        since = self.at - shard.aged_at
        return len(shard.outcomes) >= self._retention.outcomes or since >= self._retention.microseconds

    def next_due_at(self) -> int | None:
        """Return the time (microseconds since 1970) at which a turn is needed for a hold that expires, or None."""
        return self.operations.next_due_at()

    def receive(self, message: AnyPeerMessage) -> None:
        """Take a message from another shard; messages for shards that are not here are dropped, and will be sent again."""
        if message.shard in self.shards:
            self._travel.receive(message)

    def tick(self) -> None:
        """Send again what has been waiting for too long, and give up on what may be given up."""
        self._travel.tick()

    def is_travelling(self) -> bool:
        """Whether `tick` has anything to watch."""
        return self._travel.is_watching()

    def seal(self) -> Turn:
        """End the turn."""
        outbox, completed = self._travel.deliver()
        records = []
        for number, events in self._open.items():
            shard = self.shards[number]
            records.append(SealedRecord(number, shard.sequence + 1, shard.at, e.encode_events(events)))
            shard.seal()
        consulted = sorted(self._consulted - self._open.keys())
        self._open = {}
        self._facts.clear()
        return Turn(records, consulted, outbox, completed)

    def emit(self, shard: Shard, event: e.AnyEvent) -> None:
        """Record an event, and let it take effect."""
        self.record(shard).append(event)
        shard.enact(event)
        shard.index += 1

    def record(self, shard: Shard) -> list[e.AnyEvent]:
        """Return the shard's open record."""
        events = self._open.get(shard.number)
        if events is None:
            events = self._open[shard.number] = []
            shard.at = self.at
        return events

    def as_of(self, shard: Shard) -> int:
        """Return the sequence at which the shard's present state can be read."""
        return shard.sequence + 1 if shard.number in self._open else shard.sequence

    def shard_of(self, account: str) -> int:
        """Return the shard that the account belongs to, here or elsewhere."""
        return shard_of(account, self.shard_count)

    # Payments.

    def _pay(self, message: m.Pay, shard: Shard) -> m.PaymentAnswer | Pending:
        outcome = shard.outcomes.get(message.key)
        if outcome is None and shard.boundary:
            outcome = self.outcome_of(shard, message.key)
        if outcome is not None:
            return self.replay(outcome, message.fingerprint, shard)
        if message.version is not None and self.has_other_version(shard, message.from_account, message.version):
            return self.version_differs(shard)
        other = shard
        target = shard.accounts.get(message.to_account)
        if target is None:
            number = shard_of(message.to_account, self.shard_count)
            if number != shard.number:
                found = self.shards.get(number)
                if found is None:
                    return self._pay_elsewhere(message, shard)
                other, target = found, found.accounts.get(message.to_account)
        source = shard.accounts.get(message.from_account)
        amount = message.amount
        # The common case in one condition; whatever does not fit is judged again, rule by rule.
        if (
            source is not None
            and target is not None
            and source is not target
            and source.status == "open"
            and target.status == "open"
            and source.currency == target.currency == message.currency
            and message.conditions is None
            and source.posted - source.pending_out - amount
            >= (source.min_balance if source.min_balance is not None else LOWEST_BALANCE)
            and target.posted + target.pending_in + amount
            <= (target.max_balance if target.max_balance is not None else HIGHEST_BALANCE)
        ):
            return self._post(message, shard, other, source, target)
        try:
            self._judge(message, source, target)
            judge_conditions(message.conditions, lambda account: True, self.account)
        except Refusal as refusal:
            self._consulted.add(other.number)
            return self.refuse(shard, message.key, message.fingerprint, refusal)
        ensure(
            message.conditions is not None and source is not None and target is not None, "the common case and the rules agree"
        )
        assert source is not None
        assert target is not None
        return self._post(message, shard, other, source, target)

    def _post(self, message: m.Pay, shard: Shard, other: Shard, source: Account, target: Account) -> m.PaymentAnswer:
        # What `emit` does, written out: this is where most of a busy host's time goes.
        opened = self._open
        events = opened.get(shard.number)
        if events is None:
            events = self.record(shard)
        index = shard.index
        sequence = shard.sequence + 1
        amount, currency, source_id, target_id = message.amount, message.currency, source.id, target.id
        if other is shard:
            paid = e.Paid(
                message.key, message.fingerprint, source_id, target_id, amount, currency,
                source.posted - amount, source.last_sequence, target.posted + amount, target.last_sequence,
                message.reference, message.metadata,
                (source.pending_out, source.pending_in, target.pending_out, target.pending_in)
                if source.pending_out or source.pending_in or target.pending_out or target.pending_in else (),
            )  # fmt: skip
            events.append(paid)
            shard.apply_paid(paid)
            shard.index = index + 1
            return m.PaymentAnswer(_ACCEPTED, False, shard.at, sequence, index, sequence)
        number = other.number
        paid_out = e.PaidOut(
            message.key, message.fingerprint, source_id, target_id, amount, currency,
            number, source.posted - amount, source.last_sequence, message.reference, message.metadata,
            (source.pending_out, source.pending_in) if source.pending_out or source.pending_in else (),
        )  # fmt: skip
        events.append(paid_out)
        shard.apply_paid_out(paid_out)
        shard.index = index + 1
        paid_in = e.PaidIn(
            shard.number, sequence, index, source_id, target_id, amount, currency, target.posted + amount, target.last_sequence,
            (target.pending_out, target.pending_in) if target.pending_out or target.pending_in else (),
        )  # fmt: skip
        events = opened.get(number)
        if events is None:
            events = self.record(other)
        events.append(paid_in)
        other.apply_paid_in(paid_in)
        other.index += 1
        return m.PaymentAnswer(_ACCEPTED, False, shard.at, sequence, index, sequence, 0, ((number, other.sequence + 1),))

    def _judge(self, message: m.Pay, source: Account | None, target: Account | None) -> None:
        """Raise Refusal for the first rule that the payment breaks: the `from` side's, then the `to` side's."""
        for where, account in enumerate((source, target)):
            result = availability_problem(account, message.currency)
            if result is Result.ACCEPTED and account is not None:
                if source is target:
                    result = Result.SAME_ACCOUNT
                else:
                    result = (credit_problem if where else debit_problem)(account, message.amount)
            if result is not Result.ACCEPTED:
                raise Refusal(result, where)

    def _pay_elsewhere(self, message: m.Pay, shard: Shard) -> m.PaymentAnswer | Pending:
        leg = m.Leg(message.from_account, message.to_account, message.amount, message.currency)
        legs = m.PayLegs(
            shard.number, message.key, message.fingerprint, (leg,), message.reference, message.metadata, message.conditions
        )
        return self.start_travel(legs, shard)

    def _pay_legs(self, message: m.PayLegs, shard: Shard) -> m.PaymentAnswer | Pending:
        outcome = self.outcome_of(shard, message.key)
        if outcome is not None:
            return self.replay(outcome, message.fingerprint, shard)
        if message.version is not None and self.has_other_version(shard, message.legs[0].from_account, message.version):
            return self.version_differs(shard)
        numbers = {self.shard_of(account) for leg in message.legs for account in (leg.from_account, leg.to_account)}
        if not numbers <= self.shards.keys():
            return self.start_travel(message, shard)
        try:
            plan_holds(message.legs, lambda account: True, self.account)
            judge_conditions(message.conditions, lambda account: True, self.account)
        except Refusal as refusal:
            self._consulted |= numbers
            return self.refuse(shard, message.key, message.fingerprint, refusal)
        self.record(shard)
        at, sequence, index = shard.at, shard.sequence + 1, shard.index
        others = []
        for number in sorted(numbers | {shard.number}, key=lambda number: (number != shard.number, number)):
            entries, transit = make_entries(message.legs, number, self.shard_of, self.account)
            if number == shard.number:
                self.emit(shard, e.PaidLegs(
                    message.key, message.fingerprint, message.legs, entries, transit, message.reference, message.metadata
                ))  # fmt: skip
            else:
                self.emit(self.shards[number], e.PaidLegsIn(shard.number, sequence, index, entries, transit))
                others.append((number, self.shards[number].sequence + 1))
        return m.PaymentAnswer(Result.ACCEPTED, False, at, sequence, index, sequence, 0, tuple(others))

    def start_travel(self, message: m.PayLegs | m.Hold, shard: Shard, expires_at: int | None = None) -> m.PaymentAnswer | Pending:
        """Send a payment, or a hold, over several hosts on its way."""
        try:
            return Pending(shard.number, self._travel.start(message, shard, expires_at))
        except Refusal as refusal:
            kind = m.Kind.PAYMENT if expires_at is None else m.Kind.HOLD
            return self.refuse(shard, message.key, message.fingerprint, refusal, kind)

    def start_refund(
        self, message: m.Refund, shard: Shard, payment: Payment, legs: tuple[m.Leg, ...], amounts: tuple[int, ...]
    ) -> Pending:
        """Send a refund over several hosts on its way. Raises Refusal, about the backward legs."""
        return Pending(shard.number, self._travel.start_refund(message, shard, payment, legs, amounts))

    def settle_elsewhere(self, shard: Shard, number: int, answer: m.OperationAnswer) -> None:
        """Tell other hosts' shards what was decided; the answer is released when they have recorded it, or soon after."""
        self._travel.start_settling(shard, shard.transfers[number], answer)

    def account(self, account: str) -> Account | None:
        """Return an account of any shard that is here."""
        shard = self.shards.get(self.shard_of(account))
        return shard.accounts.get(account) if shard is not None else None

    def refuse(
        self,
        shard: Shard,
        key: bytes,
        fingerprint: bytes,
        refusal: Refusal,
        kind: m.Kind = m.Kind.PAYMENT,
        about: tuple[int, int, int] | None = None,
    ) -> m.PaymentAnswer:
        """Remember a refusal, so that the same key gets it again. `about`: the place of the payment that was to be changed."""
        self.record(shard)
        sequence, index = shard.sequence + 1, shard.index
        self.emit(shard, e.Refused(key, fingerprint, int(refusal.result), refusal.where, kind, about))
        return m.PaymentAnswer(refusal.result, False, shard.at, sequence, index, sequence, refusal.where)

    def replay(self, outcome: bytes, fingerprint: bytes, shard: Shard) -> m.PaymentAnswer | Pending:
        """Return the answer to a key that was used before."""
        first, at, sequence, as_of, index, result, where = unpack_outcome(outcome)
        if first != fingerprint:
            self._consulted.add(shard.number)
            return m.PaymentAnswer(Result.IDEMPOTENCY_KEY_REUSED, False, at, sequence, index, self.as_of(shard))
        if result == OPEN:
            return Pending(shard.number, as_of)
        return m.PaymentAnswer(Result(result), True, at, sequence, index, as_of, where)

    def consult(self, shards: Iterable[int]) -> None:
        """Note that an answer rests on the state of these shards."""
        self._consulted.update(shards)

    # What memory may have forgotten.

    def outcome_of(self, shard: Shard, key: bytes) -> bytes | None:
        """Return what the key came to, if it was ever used. Raises _NotInMemory."""
        outcome = shard.outcomes.get(key)
        if outcome is not None or not shard.boundary:
            return outcome
        outcome = shard.earlier.get(key)
        if outcome is not None or shard.key_filter is None or not may_have(shard.key_filter, key):
            return outcome
        fact = self._facts.get((shard.number, key))
        if not isinstance(fact, OutcomeFact) or fact.position < shard.forgotten:
            raise _NotInMemory(Recall(shard.number, key=key))
        return fact.outcome

    def recalled_payment(self, shard: Shard, place: tuple[int, int, int]) -> Payment | None:
        """Return a payment that is not in memory, as the archive has it. Raises _NotInMemory."""
        fact = self._facts.get((shard.number, place))
        if not isinstance(fact, PaymentFact) or fact.position < shard.forgotten:
            raise _NotInMemory(Recall(shard.number, place=place))
        return fact.payment

    def has_other_version(self, shard: Shard, account: str, version: int) -> bool:
        """Whether the account is there with another version. One that is not there is refused as such."""
        found = shard.accounts.get(account)
        return found is not None and found.version != version

    def version_differs(self, shard: Shard) -> m.PaymentAnswer:
        """Return the answer that nothing was done, because the account has changed."""
        self._consulted.add(shard.number)
        return m.PaymentAnswer(Result.VERSION_DIFFERS, False, 0, 0, 0, self.as_of(shard))

    # Accounts and sums.

    def _open_account(self, message: m.OpenAccount, shard: Shard) -> m.AccountAnswer:
        ensure(self.shard_of(message.account) == shard.number, "an account is opened on its own shard")
        account = shard.accounts.get(message.account)
        if account is None:
            self.emit(shard, e.AccountOpened(
                message.account, message.currency, message.min_balance, message.max_balance, message.metadata
            ))  # fmt: skip
            return self._account_answer(Result.ACCEPTED, shard, shard.accounts[message.account], created=True)
        asked = (message.currency, message.min_balance, message.max_balance, message.metadata or None)
        is_same = asked == (account.currency, account.min_balance, account.max_balance, account.metadata or None)
        return self._account_answer(Result.ACCEPTED if is_same else Result.ACCOUNT_EXISTS, shard, account)

    def _set_status(self, message: m.SetStatus, shard: Shard) -> m.AccountAnswer:
        account = shard.accounts.get(message.account)
        result = Result.ACCEPTED
        if account is None:
            result = Result.ACCOUNT_NOT_FOUND
        elif message.version is not None and account.version != message.version:
            result = Result.VERSION_DIFFERS
        elif account.status == message.status:
            pass
        elif account.status == "closed":
            result = Result.ACCOUNT_CLOSED
        elif message.status == "closed" and not account.is_empty():
            result = Result.ACCOUNT_NOT_EMPTY
        else:
            self.emit(shard, e.StatusChanged(message.account, message.status))
        return self._account_answer(result, shard, account)

    def _read_account(self, message: m.ReadAccount, shard: Shard) -> m.AccountAnswer | AfterSeal:
        if message.between_records and shard.number in self._open:
            return AfterSeal()
        account = shard.accounts.get(message.account)
        return self._account_answer(Result.ACCEPTED if account else Result.ACCOUNT_NOT_FOUND, shard, account)

    def _account_answer(self, result: Result, shard: Shard, account: Account | None, created: bool = False) -> m.AccountAnswer:
        self._consulted.add(shard.number)
        return m.AccountAnswer(result, created, account.view() if account is not None else None, self.as_of(shard))

    def _read_totals(self, message: m.ReadTotals, shard: Shard) -> m.TotalsAnswer:
        self._consulted.add(shard.number)
        counts: dict[str, int] = {}
        for account in shard.accounts.values():
            counts[account.currency] = counts.get(account.currency, 0) + 1
        transit = {currency: sum(sent.get(currency, 0) for sent in shard.transit.values()) for currency in shard.posted}
        sums = {
            currency: (str(posted), str(transit[currency]), counts.get(currency, 0)) for currency, posted in shard.posted.items()
        }
        return m.TotalsAnswer(sums, self.as_of(shard))

    def _read_digest(self, message: m.ReadDigest, shard: Shard) -> m.DigestAnswer | AfterSeal:
        self._consulted.add(shard.number)
        if shard.number in self._open:
            return AfterSeal()
        return m.DigestAnswer(shard.sequence, shard.digest())
