"""Several hosts that tell each other over a wire that loses, repeats, delays and reorders; hosts crash, shards move and forget."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from processor.core import messages as m
from processor.core.ledger import Retention
from processor.core.messages import Leg
from processor.core.recall import AnyFact
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.core.shard import Shard
from processor.core.turn import Pending
from tests.audit.journal_audit import Outcome
from tests.cluster import Answer, Cluster
from tests.model.payments import Place
from tests.property import instructions as i

SHARDS = 3
RETENTION = Retention(outcomes=1, microseconds=10**15, filter_bytes=32)
UNREMEMBERED = (Result.IDEMPOTENCY_KEY_REUSED, Result.PAYMENT_NOT_FOUND, Result.LEGS_DIFFER, Result.VERSION_DIFFERS)
Keyed = m.Pay | m.PayLegs | m.Hold | m.Capture | m.Void | m.Refund


class SeveralHosts(RuleBasedStateMachine):
    """The cluster audits every record; here is what clients ask, what goes wrong, and what must be true in the end."""

    @initialize(hosts=st.integers(2, 3), forgets=st.booleans(), floors=i.first_min_balances)
    def start(self, hosts: int, forgets: bool, floors: list[int | None]) -> None:
        self.cluster = Cluster(SHARDS, hosts, RETENTION if forgets else None)
        self.cluster.is_archive_slow = True
        self.asked: list[Keyed] = []
        self.pending: list[tuple[Keyed, Pending]] = []
        self.facts: list[AnyFact] = []
        for account, floor in zip(i.ACCOUNTS, floors, strict=True):
            self.cluster.turn(self.host_of(account), [i.opening(account, "EUR", floor, None, SHARDS)])

    def host_of(self, account: str) -> int:
        """Return the host that owns the account's shard now."""
        return self.cluster.owner[shard_of(account, SHARDS)]

    # What clients ask.

    @rule(key=i.keys, legs=i.several_legs, as_legs=st.booleans(), drawn=i.conditions, offset=i.version_offsets)
    def pay(self, key: str, legs: list[Leg], as_legs: bool, drawn: list[i.Drawn], offset: int | None) -> None:
        conditions, version = i.named_conditions(drawn, legs), self.version(legs[0].from_account, offset)
        name = f"{key} {legs[0].from_account}"
        self.send_new(self.cluster.payment(name, legs, None, as_legs, conditions, version))

    @rule(key=i.keys, legs=i.several_legs, lasts=i.lasts, drawn=i.conditions, offset=i.version_offsets)
    def hold(self, key: str, legs: list[Leg], lasts: int, drawn: list[i.Drawn], offset: int | None) -> None:
        conditions, version = i.named_conditions(drawn, legs), self.version(legs[0].from_account, offset)
        self.send_new(self.cluster.holding(f"{key} {legs[0].from_account}", legs, lasts, conditions, version))

    @precondition(lambda self: self.cluster.audit.model.payments)
    @rule(key=i.keys, position=i.positions, shares=i.shares, final=st.booleans())
    def capture(self, key: str, position: int, shares: list[int] | None, final: bool) -> None:
        place = self.some_place(position)
        amounts = i.shared_amounts(shares, self.most(place, "held"), is_short=False)
        self.send_new(self.cluster.capturing(key, place, amounts, final))

    @precondition(lambda self: self.cluster.audit.model.payments)
    @rule(key=i.keys, position=i.positions)
    def void(self, key: str, position: int) -> None:
        self.send_new(self.cluster.voiding(key, self.some_place(position)))

    @precondition(lambda self: self.cluster.audit.model.payments)
    @rule(
        keys=st.lists(i.keys, min_size=1, max_size=3, unique=True),
        position=i.positions,
        shares=i.shares,
        reason=i.reasons,
        frozen=i.frozen_sides,
    )
    def refund(self, keys: list[str], position: int, shares: list[int] | None, reason: str | None, frozen: int | None) -> None:
        """Once or several times, perhaps after one of its accounts was frozen."""
        place = self.some_place(position)
        if frozen is not None:
            self.set_status(i.side_of(self.cluster.audit.model.payments[place].legs, frozen), "frozen")
        for key in keys:
            amounts = i.shared_amounts(shares, self.most(place, "captured"), is_short=False)
            self.send_new(self.cluster.refunding(key, place, amounts, reason))

    @precondition(lambda self: self.cluster.audit.model.payments)
    @rule(position=i.positions)
    def read_payment(self, position: int) -> None:
        place = self.some_place(position)
        home, at, sequence, index = place
        answer = self.cluster.send(m.ReadPayment(home, at, sequence, index), self.facts)
        assert isinstance(answer, m.OperationAnswer)
        assert answer.payment == self.cluster.audit.book.history[place][-1].view

    @rule(account=i.accounts, status=i.statuses)
    def set_status(self, account: str, status: m.Status) -> None:
        self.cluster.turn(self.host_of(account), [m.SetStatus(shard_of(account, SHARDS), account, status)])

    @precondition(lambda self: self.asked)
    @rule(position=i.positions)
    def ask_again(self, position: int) -> None:
        self.send(self.asked[-1 - position % len(self.asked)])

    def some_place(self, position: int) -> Place:
        """Return the place of one of the payments."""
        places = list(self.cluster.audit.model.payments)
        return places[-1 - position % len(places)]

    def most(self, place: Place, name: str) -> tuple[int, ...]:
        """Return how much of each leg of the payment is held, or captured."""
        return self.cluster.audit.model.payments[place].amounts(name)

    def version(self, account: str, offset: int | None) -> int | None:
        """Return the account's version plus the offset; None without one, or without such an account."""
        shard = self.cluster.ledgers[self.host_of(account)].shards[shard_of(account, SHARDS)]
        known = shard.accounts.get(account)
        return known.version + offset if known is not None and offset is not None else None

    def send_new(self, message: Keyed) -> None:
        """Ask for the first time."""
        self.asked.append(message)
        self.send(message)

    def send(self, message: Keyed) -> None:
        """Ask once, and check what is said at once. Facts from long ago are at hand too, and must not be used when too old."""
        answer = self.cluster.send(message, self.facts[-3:])
        if isinstance(answer, Pending):
            self.pending.append((message, answer))
        else:
            self.check_answer(message, answer)

    # What happens to messages, hosts, clocks and memory.

    @precondition(lambda self: self.cluster.in_flight)
    @rule(position=i.positions, keep_copy=st.booleans())
    def deliver(self, position: int, keep_copy: bool) -> None:
        self.cluster.deliver(position % len(self.cluster.in_flight), keep_copy)

    @precondition(lambda self: self.cluster.in_flight)
    @rule(position=i.positions)
    def lose(self, position: int) -> None:
        del self.cluster.in_flight[position % len(self.cluster.in_flight)]

    @precondition(lambda self: len(self.cluster.in_flight) > 1)
    @rule()
    def deliver_everything(self) -> None:
        for _ in range(len(self.cluster.in_flight)):
            self.cluster.deliver()

    @rule(host=st.integers(0, 2), passed=st.sampled_from([1, 120_000, 600_000, 6_000_000]))
    def tick(self, host: int, passed: int) -> None:
        self.cluster.tick(host % len(self.cluster.ledgers), passed)

    @rule(passed=st.sampled_from([-1_000_000, -1, 299_999, 300_000, 4_000_000_000]))
    def the_clock_jumps(self, passed: int) -> None:
        self.cluster.now += passed

    @rule(host=st.integers(0, 2))
    def crash(self, host: int) -> None:
        self.cluster.crash(host % len(self.cluster.ledgers))

    @rule(shard=st.integers(0, SHARDS - 1), host=st.integers(0, 2))
    def move(self, shard: int, host: int) -> None:
        self.cluster.move(shard, host % len(self.cluster.ledgers))

    @rule(shard=st.one_of(st.none(), st.integers(0, SHARDS - 1)))
    def the_archive_reads_on(self, shard: int | None) -> None:
        for each in range(SHARDS) if shard is None else (shard,):
            self.cluster.archive.catch_up(each)

    @precondition(lambda self: self.asked)
    @rule(position=i.positions)
    def somebody_asks_the_archive(self, position: int) -> None:
        """What it says now may be brought to a shard much later."""
        message = self.asked[-1 - position % len(self.asked)]
        self.facts.append(self.cluster.archive.outcome(message.shard, message.key))
        if isinstance(message, m.OfPayment):
            self.facts.append(self.cluster.archive.payment((message.shard, message.at, message.sequence, message.index)))

    # What must be true.

    def check_answer(self, message: Keyed, answer: Answer) -> None:
        """An answer says what the journal says."""
        assert isinstance(answer, m.PaymentAnswer | m.OperationAnswer)
        scope, audit = (message.shard, message.key), self.cluster.audit
        if answer.result in UNREMEMBERED:
            return
        said = (answer.result, answer.where, answer.at, answer.sequence, answer.index, answer.as_of)
        if answer.result is Result.SHARD_UNAVAILABLE:
            assert said in [in_answer(outcome) for outcome in audit.given_up[scope]]
            return
        assert message.fingerprint == audit.outcomes[scope].fingerprint
        assert said == in_answer(audit.outcomes[scope])
        if isinstance(answer, m.OperationAnswer) and answer.payment is not None:
            assert isinstance(message, m.OfPayment)
            history = audit.book.history[message.shard, message.at, message.sequence, message.index]
            assert answer.payment in [seen.view for seen in history if seen.sequence == answer.as_of]

    def teardown(self) -> None:
        """Once the wire is good and nobody crashes, everything comes to an end, and the books agree."""
        if not hasattr(self, "cluster"):
            return
        cluster = self.cluster
        cluster.is_archive_slow = False
        cluster.settle()
        for message, pending in self.pending:
            if (pending.home, pending.number) in cluster.completed:
                self.check_answer(message, cluster.completed[pending.home, pending.number])
        for message in self.asked:
            self.check_answer(message, cluster.ask(message))
        assert cluster.audit.travels.open_ones() == []
        cluster.now = max(cluster.now, *(ledger.at for ledger in cluster.ledgers))
        cluster.let_holds_expire(10**10)
        assert not any(payment.is_open for payment in cluster.audit.model.payments.values())
        assert not any(
            account.pending_in or account.pending_out for shard in cluster.all_shards() for account in shard.accounts.values()
        )
        cluster.check()
        for shard in range(SHARDS):
            middle = Shard.decode(cluster.rebuilt(shard, until=len(cluster.journal[shard]) // 2).encode())
            assert cluster.rebuilt(shard, start=middle).encode() == cluster.rebuilt(shard).encode()


def in_answer(outcome: Outcome) -> tuple[Result, int, int, int, int, int]:
    """Return the outcome as an answer has it."""
    result, where = outcome.verdict
    return result, where, outcome.at, outcome.sequence, outcome.index, outcome.decided_sequence


TestSeveralHosts = SeveralHosts.TestCase
