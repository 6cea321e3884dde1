"""One host against the reference ledger: every answer, every balance, over crashes, snapshots, expiry and ageing."""

from copy import deepcopy

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from processor.core import messages as m
from processor.core.events import decode_events
from processor.core.invariants import sum_violations, transit_violations, violations
from processor.core.ledger import Retention
from processor.core.messages import Leg
from processor.core.recall import AnyFact, Recall
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.core.shard import Shard
from processor.core.turn import SealedRecord
from tests.audit.archive import AuditArchive
from tests.audit.journal_audit import JournalAudit
from tests.audit.observed_ledger import ObservedLedger
from tests.cluster import START, digest
from tests.model.payments import Place, Verdict
from tests.model.reference_ledger import ReferenceLedger
from tests.property import instructions as i

RETENTION = Retention(outcomes=1, microseconds=10**15, filter_bytes=32)
NOWHERE = 999
AnyPaymentAnswer = m.PaymentAnswer | m.OperationAnswer


class OneHost(RuleBasedStateMachine):
    """A turn is open all the time; it may be sealed, or lost in a crash. The archive reads on when it is told to."""

    @initialize(shards=st.integers(1, 3), forgets=st.booleans(), floors=i.first_min_balances)
    def start(self, shards: int, forgets: bool, floors: list[int | None]) -> None:
        self.shards = shards
        self.retention = RETENTION if forgets else None
        self.now = START
        self.model = ReferenceLedger()
        self.durable_model = deepcopy(self.model)
        self.journal: list[list[SealedRecord]] = [[] for _ in range(shards)]
        self.audit = JournalAudit(shards, {})
        self.archive = AuditArchive(self.audit)
        self.facts: list[AnyFact] = []
        self.asked: list[m.Pay | m.PayLegs | m.Hold | m.Capture | m.Void | m.Refund] = []
        self.snapshots: dict[int, bytes] = {}
        self.answers: dict[bytes, AnyPaymentAnswer] = {}
        self.durable_answers: dict[bytes, AnyPaymentAnswer] = {}
        self.rebuild(from_snapshots=False)
        for account, floor in zip(i.ACCOUNTS, floors, strict=True):
            self.open_account(account, "EUR", floor, None, None)

    def rebuild(self, from_snapshots: bool) -> None:
        """Make the ledger anew from what is durable."""
        self.ledger = ObservedLedger(self.shards, self.retention)
        for number in range(self.shards):
            self.ledger.add(self.replayed(number, from_snapshots))
        self.begin()

    def begin(self) -> None:
        """Begin a turn, in which holds may end."""
        self.ledger.begin(self.now)
        self.model.expire(self.ledger.at)

    def replayed(self, number: int, from_snapshot: bool) -> Shard:
        """Return a shard as the journal tells it."""
        state = Shard(number, self.shards)
        if from_snapshot and number in self.snapshots:
            state = Shard.decode(self.snapshots[number])
        for record in self.journal[number][state.sequence :]:
            state.replay(record.sequence, record.at, decode_events(record.payload))
        return state

    # Accounts.

    @rule(
        account=i.accounts,
        currency=st.sampled_from(i.CURRENCIES),
        floor=i.min_balances,
        ceiling=i.max_balances,
        metadata=i.metadata,
    )
    def open_account(
        self, account: str, currency: str, floor: int | None, ceiling: int | None, metadata: m.Metadata | None
    ) -> None:
        message = m.OpenAccount(shard_of(account, self.shards), account, currency, floor, ceiling, metadata)
        answer = self.ledger.handle(message)
        assert isinstance(answer, m.AccountAnswer)
        assert (answer.result, answer.created) == self.model.open_account(account, currency, floor, ceiling, metadata)

    @rule(account=i.accounts, status=i.statuses, offset=i.version_offsets)
    def set_status(self, account: str, status: m.Status, offset: int | None) -> None:
        version = self.version(account, offset)
        answer = self.ledger.handle(m.SetStatus(shard_of(account, self.shards), account, status, version))
        assert isinstance(answer, m.AccountAnswer)
        if offset and version is not None:
            assert answer.result is Result.VERSION_DIFFERS
        else:
            assert answer.result is self.model.set_status(account, status)

    @rule(account=i.accounts)
    def read(self, account: str) -> None:
        answer = self.ledger.handle(m.ReadAccount(shard_of(account, self.shards), account))
        assert isinstance(answer, m.AccountAnswer)
        known = self.model.accounts.get(account)
        assert (answer.account is None) == (known is None)
        if known is not None and answer.account is not None:
            view = answer.account
            assert (view.posted, view.status, view.currency) == (known.posted, known.status, known.currency)
            assert (view.pending_in, view.pending_out) == (known.held_in, known.held_out)

    def version(self, account: str, offset: int | None) -> int | None:
        """Return the account's version plus the offset; None without one, or without such an account."""
        answer = self.ledger.handle(m.ReadAccount(shard_of(account, self.shards), account))
        assert isinstance(answer, m.AccountAnswer)
        return answer.account.version + offset if answer.account is not None and offset is not None else None

    # Payments and holds.

    @rule(
        key=i.keys, legs=i.several_legs, as_legs=st.booleans(), drawn=i.conditions, offset=i.version_offsets, sealed=st.booleans()
    )
    def pay(self, key: str, legs: list[Leg], as_legs: bool, drawn: list[i.Drawn], offset: int | None, sealed: bool) -> None:
        conditions, first = i.named_conditions(drawn, legs), legs[0]
        home, scope, content = shard_of(first.from_account, self.shards), digest((key, first.from_account)), digest((legs, drawn))
        version = self.version(first.from_account, offset)
        message: m.Pay | m.PayLegs = m.PayLegs(home, scope, content, tuple(legs), key, None, conditions, version)
        if len(legs) == 1 and not as_legs:
            message = m.Pay(
                home, scope, content, first.from_account, first.to_account, first.amount, first.currency, key, None,
                conditions, version,
            )  # fmt: skip
        answer = self.ask(message)
        assert isinstance(answer, m.PaymentAnswer)
        if offset and version is not None and scope not in self.model.outcomes:
            assert answer.result is Result.VERSION_DIFFERS
            return
        place = (home, answer.at, answer.sequence, answer.index)
        self.compare(message.key, answer, self.model.pay(scope, content, legs, place, conditions))
        if sealed:
            self.seal(0)

    @rule(key=i.keys, legs=i.several_legs, lasts=i.lasts, drawn=i.conditions, offset=i.version_offsets)
    def hold(self, key: str, legs: list[Leg], lasts: int, drawn: list[i.Drawn], offset: int | None) -> None:
        conditions, account = i.named_conditions(drawn, legs), legs[0].from_account
        home, scope, content = shard_of(account, self.shards), digest((key, account)), digest(("hold", legs, lasts, drawn))
        version = self.version(account, offset)
        answer = self.ask(m.Hold(home, scope, content, tuple(legs), lasts, None, None, conditions, version))
        assert isinstance(answer, m.PaymentAnswer)
        if offset and version is not None and scope not in self.model.outcomes:
            assert answer.result is Result.VERSION_DIFFERS
            return
        place = (home, answer.at, answer.sequence, answer.index)
        self.compare(scope, answer, self.model.hold(scope, content, legs, place, self.ledger.at + lasts, conditions))

    # What becomes of them.

    def some_place(self, position: int) -> Place:
        """Return the place of a payment that a client can know of, or one where there is none.

        The archive never has what is not durable yet, so of the open turn's payments only holds are asked about.
        """
        known = self.durable_model.payments
        places = [place for place, payment in self.model.payments.items() if payment.expires_at is not None or place in known]
        return places[-1 - position % len(places)] if places and position != NOWHERE else (0, START, 1, 1000)

    def most(self, place: Place, name: str) -> tuple[int, ...]:
        """Return how much of each leg of the payment is held, or captured."""
        payment = self.model.payments.get(place)
        return payment.amounts(name) if payment is not None else (1,)

    @precondition(lambda self: self.model.payments)
    @rule(key=i.keys, position=i.positions, shares=i.shares, final=st.booleans(), is_short=st.sampled_from([False] * 9 + [True]))
    def capture(self, key: str, position: int, shares: list[int] | None, final: bool, is_short: bool) -> None:
        place = self.some_place(position)
        amounts = i.shared_amounts(shares, self.most(place, "held"), is_short)
        scope, content = digest((key, place)), digest(("capture", place, amounts, final))
        home, at, sequence, index = place
        answer = self.ask(m.Capture(home, at, sequence, index, scope, content, amounts, final))
        self.compare_operation(scope, answer, self.model.capture(scope, content, place, amounts, final, self.ledger.at), place)

    @precondition(lambda self: self.model.payments)
    @rule(key=i.keys, position=i.positions)
    def void(self, key: str, position: int) -> None:
        place = self.some_place(position)
        scope, content = digest((key, place)), digest(("void", place))
        home, at, sequence, index = place
        answer = self.ask(m.Void(home, at, sequence, index, scope, content))
        self.compare_operation(scope, answer, self.model.void(scope, content, place, self.ledger.at), place)

    @precondition(lambda self: self.model.payments)
    @rule(
        keys=st.lists(i.keys, min_size=1, max_size=3, unique=True),
        position=i.positions,
        shares=i.shares,
        reason=i.reasons,
        frozen=i.frozen_sides,
        is_short=st.sampled_from([False] * 9 + [True]),
    )
    def refund(
        self, keys: list[str], position: int, shares: list[int] | None, reason: str | None, frozen: int | None, is_short: bool
    ) -> None:
        """Once or several times, perhaps after one of its accounts was frozen."""
        place = self.some_place(position)
        home, at, sequence, index = place
        if frozen is not None and place in self.model.payments:
            self.set_status(i.side_of(self.model.payments[place].legs, frozen), "frozen", None)
        for key in keys:
            amounts = i.shared_amounts(shares, self.most(place, "captured"), is_short)
            scope, content = digest((key, place)), digest(("refund", place, amounts, reason))
            answer = self.ask(m.Refund(home, at, sequence, index, scope, content, amounts, reason))
            self.compare_operation(scope, answer, self.model.refund(scope, content, place, amounts, reason is not None), place)

    @precondition(lambda self: self.model.payments)
    @rule(position=i.positions)
    def read_payment(self, position: int) -> None:
        place = self.some_place(position)
        home, at, sequence, index = place
        answer = self.ask(m.ReadPayment(home, at, sequence, index))
        assert isinstance(answer, m.OperationAnswer)
        if place in self.model.payments:
            self.compare_view(answer.payment, place)
        else:
            assert answer.result is Result.PAYMENT_NOT_FOUND

    @precondition(lambda self: self.asked)
    @rule(position=i.positions)
    def ask_again(self, position: int) -> None:
        """What was answered for good is answered so again."""
        message = self.asked[-1 - position % len(self.asked)]
        if message.key not in self.model.outcomes:
            return
        first, verdict = self.model.outcomes[message.key]
        answer = self.ask(message)
        assert isinstance(answer, AnyPaymentAnswer)
        is_same = first == message.fingerprint
        self.compare(message.key, answer, (verdict if is_same else (Result.IDEMPOTENCY_KEY_REUSED, 0), is_same))

    # Comparing.

    def ask(self, message: m.AnyMessage) -> object:
        """Return the answer, with what the archive knows."""
        if isinstance(message, m.Pay | m.PayLegs | m.Hold | m.Capture | m.Void | m.Refund):
            self.audit.asked[message.fingerprint] = message
            self.asked.append(message)
        for _ in range(4):
            answer = self.ledger.handle(message)
            if not isinstance(answer, Recall):
                return answer
            fact = self.archive.fact(answer)
            self.facts.append(fact)
            self.ledger.recall([fact])
        raise AssertionError(f"the archive's facts are not used for {message}")

    def compare_operation(self, key: bytes, answer: object, expected: tuple[Verdict, bool], place: Place) -> None:
        """Hold the answer to what was done to a payment against the model's."""
        assert isinstance(answer, m.OperationAnswer)
        if answer.result is Result.ACCEPTED and not answer.replayed:
            self.compare_view(answer.payment, place)
        if answer.result in (Result.PAYMENT_NOT_FOUND, Result.LEGS_DIFFER):
            assert (answer.result, answer.where, answer.replayed) == (*expected[0], expected[1])
        else:
            self.compare(key, answer, expected)

    def compare(self, key: bytes, answer: AnyPaymentAnswer, expected: tuple[Verdict, bool]) -> None:
        """Hold an answer against the model's, and against an earlier answer to the same key."""
        (result, where), replayed = expected
        assert (answer.result, answer.where, answer.replayed) == (result, where, replayed)
        if result is Result.IDEMPOTENCY_KEY_REUSED:
            return
        first = self.answers.setdefault(key, answer)
        assert (answer.at, answer.sequence, answer.index, answer.as_of) == (first.at, first.sequence, first.index, first.as_of)

    def compare_view(self, view: m.PaymentView | None, place: Place) -> None:
        """Hold a payment as it was shown against the model's."""
        known = self.model.payments[place]
        assert view is not None
        assert (view.status, view.legs, view.expires_at) == (known.status, known.legs, known.expires_at)
        shown = (view.held, view.captured, view.refunded)
        assert shown == (known.amounts("held"), known.amounts("captured"), known.amounts("refunded"))

    # Time, crashes, memory.

    @rule(passed=st.sampled_from([-5_000_000, -1, 0, 1, 300_000, 1_000_000, 3_600_000_000]))
    def seal(self, passed: int) -> None:
        """Make the turn durable and begin the next one; the clock may go back."""
        turn = self.ledger.seal()
        assert (turn.outbox, turn.completed) == ([], [])
        for record in turn.records:
            self.journal[record.shard].append(record)
        self.audit.append(turn.records, self.ledger.order, self.ledger.shards.keys())
        self.durable_model, self.durable_answers = deepcopy(self.model), dict(self.answers)
        self.check()
        self.now += passed
        self.begin()

    @rule(shard=st.integers(0, 3))
    def the_archive_reads_on(self, shard: int) -> None:
        if shard < self.shards:
            self.archive.catch_up(shard)

    @rule(after_reading=st.booleans())
    def age(self, after_reading: bool) -> None:
        """Forget what may be forgotten."""
        if after_reading:
            for shard in range(self.shards):
                self.archive.catch_up(shard)
        if self.ledger.wants_to_age():
            self.ledger.age(self.archive.positions)

    @precondition(lambda self: self.facts)
    @rule(position=i.positions)
    def an_old_fact_arrives(self, position: int) -> None:
        """It may be older than what has been forgotten since: then it must not be used."""
        self.ledger.recall([self.facts[position % len(self.facts)]])

    def check(self) -> None:
        """Between records: invariants, every balance, and the journal's own word."""
        shards = list(self.ledger.shards.values())
        assert transit_violations(shards) == []
        for shard in shards:
            assert violations(shard) == []
            assert self.replayed(shard.number, from_snapshot=False).encode() == shard.encode()
            assert self.replayed(shard.number, from_snapshot=True).encode() == shard.encode()
        found = {
            account.id: (account.posted, account.pending_in, account.pending_out)
            for shard in shards
            for account in shard.accounts.values()
        }
        accounts = self.model.accounts.items()
        assert found == {name: (account.posted, account.held_in, account.held_out) for name, account in accounts}
        assert not any(self.model.totals().values())
        assert [payment.problem() for payment in self.model.payments.values() if payment.problem()] == []
        self.audit.check_books()

    @rule(shard=st.integers(0, 3))
    def take_snapshot(self, shard: int) -> None:
        if shard < self.shards:
            self.snapshots[shard] = self.replayed(shard, from_snapshot=True).encode()

    @rule(from_snapshots=st.booleans())
    def crash(self, from_snapshots: bool) -> None:
        """Lose the open turn."""
        self.model, self.answers = deepcopy(self.durable_model), dict(self.durable_answers)
        self.rebuild(from_snapshots)

    @invariant()
    def sums_are_zero(self) -> None:
        if hasattr(self, "ledger"):
            assert [found for shard in self.ledger.shards.values() for found in sum_violations(shard)] == []


TestOneHost = OneHost.TestCase
