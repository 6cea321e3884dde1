"""One host against the reference ledger: every answer, every balance, over crashes and snapshots."""

from copy import deepcopy

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from processor.core import messages as m
from processor.core.events import decode_events
from processor.core.invariants import sum_violations, transit_violations, violations
from processor.core.ledger import Ledger
from processor.core.messages import Leg
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.core.shard import Shard
from processor.core.turn import SealedRecord
from tests.cluster import START, digest
from tests.model.reference_ledger import ReferenceLedger
from tests.property import instructions as i


class OneHost(RuleBasedStateMachine):
    """A turn is open all the time; it may be sealed, or lost in a crash."""

    @initialize(shards=st.integers(1, 4), floors=st.lists(i.min_balances, max_size=8))
    def start(self, shards: int, floors: list[int | None]) -> None:
        self.shards = shards
        self.now = START
        self.model = ReferenceLedger()
        self.durable_model = deepcopy(self.model)
        self.journal: list[list[SealedRecord]] = [[] for _ in range(shards)]
        self.snapshots: dict[int, bytes] = {}
        self.answers: dict[bytes, m.PaymentAnswer] = {}
        self.durable_answers: dict[bytes, m.PaymentAnswer] = {}
        self.rebuild(from_snapshots=False)
        for account, floor in zip(i.ACCOUNTS, floors, strict=False):
            self.open_account(account, "EUR", floor, None, None)

    def rebuild(self, from_snapshots: bool) -> None:
        """Make the ledger anew from what is durable."""
        self.ledger = Ledger(self.shards)
        for number in range(self.shards):
            self.ledger.add(self.replayed(number, from_snapshots))
        self.ledger.begin(self.now)

    def replayed(self, number: int, from_snapshot: bool) -> Shard:
        """Return a shard as the journal tells it."""
        state = Shard(number, self.shards)
        if from_snapshot and number in self.snapshots:
            state = Shard.decode(self.snapshots[number])
        for record in self.journal[number][state.sequence :]:
            state.replay(record.sequence, record.at, decode_events(record.payload))
        return state

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

    @rule(account=i.accounts, status=i.statuses)
    def set_status(self, account: str, status: m.Status) -> None:
        answer = self.ledger.handle(m.SetStatus(shard_of(account, self.shards), account, status))
        assert isinstance(answer, m.AccountAnswer)
        assert answer.result is self.model.set_status(account, status)

    @rule(key=i.keys, leg=i.legs)
    def pay(self, key: str, leg: Leg) -> None:
        scope = digest((key, leg.from_account))
        self.compare(
            m.Pay(
                shard_of(leg.from_account, self.shards),
                scope,
                digest([leg]),
                leg.from_account,
                leg.to_account,
                leg.amount,
                leg.currency,
                key,
                None,
            ),  # fmt: skip
            (leg,),
        )

    @rule(key=i.keys, legs=i.several_legs)
    def pay_legs(self, key: str, legs: list[Leg]) -> None:
        home = shard_of(legs[0].from_account, self.shards)
        self.compare(m.PayLegs(home, digest((key, legs[0].from_account)), digest(legs), tuple(legs)), tuple(legs))

    def compare(self, message: m.Pay | m.PayLegs, legs: tuple[Leg, ...]) -> None:
        """Ask for a payment, and hold the answer against the model's and against an earlier answer to the same key."""
        answer = self.ledger.handle(message)
        assert isinstance(answer, m.PaymentAnswer)
        (result, where), replayed = self.model.pay(message.key, message.fingerprint, legs)
        assert (answer.result, answer.where, answer.replayed) == (result, where, replayed)
        if result is Result.IDEMPOTENCY_KEY_REUSED:
            return
        first = self.answers.setdefault(message.key, answer)
        assert (answer.at, answer.sequence, answer.index, answer.as_of) == (first.at, first.sequence, first.index, first.as_of)

    @rule(account=i.accounts)
    def read(self, account: str) -> None:
        answer = self.ledger.handle(m.ReadAccount(shard_of(account, self.shards), account))
        assert isinstance(answer, m.AccountAnswer)
        known = self.model.accounts.get(account)
        assert (answer.account is None) == (known is None)
        if known is not None and answer.account is not None:
            view = answer.account
            assert (view.posted, view.status, view.currency) == (known.posted, known.status, known.currency)
            assert (view.pending_in, view.pending_out) == (0, 0)

    @rule(passed=st.sampled_from([-5_000_000, -1, 0, 1, 1_000_000]))
    def seal(self, passed: int) -> None:
        """Make the turn durable and begin the next one; the clock may go back."""
        turn = self.ledger.seal()
        assert (turn.outbox, turn.completed) == ([], [])
        for record in turn.records:
            self.journal[record.shard].append(record)
        self.durable_model, self.durable_answers = deepcopy(self.model), dict(self.answers)
        self.check()
        self.now += passed
        self.ledger.begin(self.now)

    def check(self) -> None:
        """Between records: invariants, every balance, and the journal's own word."""
        shards = list(self.ledger.shards.values())
        assert transit_violations(shards) == []
        for shard in shards:
            assert violations(shard) == []
            assert self.replayed(shard.number, from_snapshot=False).encode() == shard.encode()
            assert self.replayed(shard.number, from_snapshot=True).encode() == shard.encode()
        balances = {account.id: account.posted for shard in shards for account in shard.accounts.values()}
        assert balances == {name: account.posted for name, account in self.model.accounts.items()}
        assert not any(self.model.totals().values())

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
