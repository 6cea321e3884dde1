"""Several hosts that tell each other over a wire that loses, repeats, delays and reorders; hosts crash, and shards move."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from processor.core import messages as m
from processor.core.messages import Leg
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.core.shard import Shard
from processor.core.turn import Pending
from tests.audit.journal_audit import Outcome
from tests.cluster import Cluster
from tests.property import instructions as i

SHARDS = 4


class SeveralHosts(RuleBasedStateMachine):
    """The cluster audits every record; here is what clients ask, what goes wrong, and what must be true in the end."""

    @initialize(hosts=st.integers(2, 3), floors=st.lists(i.min_balances, min_size=8, max_size=8))
    def start(self, hosts: int, floors: list[int | None]) -> None:
        self.cluster = Cluster(SHARDS, hosts)
        self.asked: list[m.Pay | m.PayLegs] = []
        self.pending: list[tuple[m.Pay | m.PayLegs, Pending]] = []
        for account, floor in zip(i.ACCOUNTS, floors, strict=True):
            self.cluster.turn(self.host_of(account), [i.opening(account, "EUR", floor, None, SHARDS)])

    def host_of(self, account: str) -> int:
        """Return the host that owns the account's shard now."""
        return self.cluster.owner[shard_of(account, SHARDS)]

    @rule(key=i.keys, legs=i.several_legs, as_legs=st.booleans())
    def pay(self, key: str, legs: list[Leg], as_legs: bool) -> None:
        message = self.cluster.payment(f"{key} {legs[0].from_account}", legs, as_legs=as_legs)
        self.asked.append(message)
        self.send(message)

    @precondition(lambda self: self.asked)
    @rule(position=st.integers(0, 1000))
    def pay_again(self, position: int) -> None:
        self.send(self.asked[position % len(self.asked)])

    def send(self, message: m.Pay | m.PayLegs) -> None:
        """Ask once, and check what is said at once."""
        (answer,) = self.cluster.turn(self.cluster.owner[message.shard], [message])
        if isinstance(answer, Pending):
            self.pending.append((message, answer))
        else:
            self.check_answer(message, answer)

    @rule(account=i.accounts, status=i.statuses)
    def set_status(self, account: str, status: m.Status) -> None:
        self.cluster.turn(self.host_of(account), [m.SetStatus(shard_of(account, SHARDS), account, status)])

    @precondition(lambda self: self.cluster.in_flight)
    @rule(position=st.integers(0, 1000), keep_copy=st.booleans())
    def deliver(self, position: int, keep_copy: bool) -> None:
        self.cluster.deliver(position % len(self.cluster.in_flight), keep_copy)

    @precondition(lambda self: self.cluster.in_flight)
    @rule(position=st.integers(0, 1000))
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

    @rule(back=st.sampled_from([1, 1_000_000]))
    def the_clock_goes_back(self, back: int) -> None:
        self.cluster.now -= back

    @rule(host=st.integers(0, 2))
    def crash(self, host: int) -> None:
        self.cluster.crash(host % len(self.cluster.ledgers))

    @rule(shard=st.integers(0, SHARDS - 1), host=st.integers(0, 2))
    def move(self, shard: int, host: int) -> None:
        self.cluster.move(shard, host % len(self.cluster.ledgers))

    def check_answer(self, message: m.Pay | m.PayLegs, answer: Any) -> None:
        """An answer says what the journal says."""
        assert isinstance(answer, m.PaymentAnswer)
        scope = (message.shard, message.key)
        if answer.result is Result.IDEMPOTENCY_KEY_REUSED:
            return
        said = (answer.result, answer.where, answer.at, answer.sequence, answer.index, answer.as_of)
        if answer.result is Result.SHARD_UNAVAILABLE:
            assert said in [in_answer(outcome) for outcome in self.cluster.audit.given_up[scope]]
        else:
            assert message.fingerprint == self.cluster.audit.outcomes[scope].fingerprint
            assert said == in_answer(self.cluster.audit.outcomes[scope])

    def teardown(self) -> None:
        """Once the wire is good and nobody crashes, everything comes to an end, and the books agree."""
        if not hasattr(self, "cluster"):
            return
        cluster = self.cluster
        cluster.settle()
        for message, pending in self.pending:
            if (pending.home, pending.number) in cluster.completed:
                self.check_answer(message, cluster.completed[pending.home, pending.number])
        for message in self.asked:
            self.check_answer(message, cluster.ask(message))
            assert (message.shard, message.key) in cluster.audit.outcomes
        assert cluster.audit.travels.open_ones() == []
        assert not any(ledger.is_travelling() for ledger in cluster.ledgers)
        cluster.check()
        for shard in range(SHARDS):
            middle = Shard.decode(cluster.rebuilt(shard, until=len(cluster.journal[shard]) // 2).encode())
            assert cluster.rebuilt(shard, start=middle).encode() == cluster.rebuilt(shard).encode()


def in_answer(outcome: Outcome) -> tuple[Result, int, int, int, int, int]:
    """Return the outcome as an answer has it."""
    result, where = outcome.verdict
    return result, where, outcome.at, outcome.sequence, outcome.index, outcome.decided_sequence


TestSeveralHosts = SeveralHosts.TestCase
