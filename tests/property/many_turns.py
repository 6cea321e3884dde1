"""Turns for two ledgers at once: one takes batches as columns, the other the same payments one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st

from processor.core import messages as m
from processor.core.ledger import Ledger, Retention
from processor.core.messages import Leg
from processor.core.recall import OutcomeFact, Recall
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.core.shard import OPEN, Shard, unpack_outcome
from processor.core.turn import AfterSeal, Pending, Turn
from tests.cluster import START, digest
from tests.property import instructions as i

Answer = m.AnyAnswer | Pending | AfterSeal | Recall
RETENTION = Retention(outcomes=3, microseconds=10**15, filter_bytes=32)
KEYS = [f"key-{number}" for number in range(12)]
SCOPES = [digest((key, account)) for key in KEYS for account in i.ACCOUNTS]
_through_the_wire = msgspec.msgpack.Decoder(m.PayMany).decode
_answer_through_the_wire = msgspec.msgpack.Decoder(m.PaidMany).decode


@dataclass(frozen=True)
class Round:
    """One turn: what is asked, how much time has passed before it, and whether the archive has read on and answers."""

    steps: list[m.Request]
    passed: int
    archive_reads: bool
    archive_answers: bool


@dataclass(frozen=True)
class Scenario:
    """A ledger, of whose shards some may be elsewhere, its accounts, and its turns."""

    shards: int
    here: frozenset[int]
    retention: Retention | None
    openings: list[m.OpenAccount]
    rounds: list[Round]


class Side:
    """One of the two ledgers. `known` has every outcome that each shard ever remembered, as its archive would."""

    def __init__(self, scenario: Scenario) -> None:
        self.ledger = Ledger(scenario.shards, scenario.retention)
        for number in sorted(scenario.here):
            self.ledger.add(Shard(number, scenario.shards))
        self.now = START
        self.archived: dict[int, int] = {}
        self.known: dict[tuple[int, bytes], bytes] = {}

    def begin(self, turn: Round) -> None:
        """Begin a turn as the commit loop does."""
        self.now += turn.passed
        self.ledger.begin(self.now)
        if turn.archive_reads:
            self.archived = {number: shard.sequence for number, shard in self.ledger.shards.items()}
        self.ledger.age(self.archived)
        if turn.archive_answers:
            self.ledger.recall(self.fact(number, key) for number in self.ledger.shards for key in SCOPES)

    def fact(self, number: int, key: bytes) -> OutcomeFact:
        """Return what the archive says about a key."""
        return OutcomeFact(number, key, self.known.get((number, key)), self.archived.get(number, 0))

    def seal(self) -> Turn:
        """End the turn."""
        if self.ledger.is_travelling():
            self.ledger.tick()
        turn = self.ledger.seal()
        for number, shard in self.ledger.shards.items():
            ended = {key: outcome for key, outcome in shard.outcomes.items() if unpack_outcome(outcome)[5] != OPEN}
            self.known |= {(number, key): outcome for key, outcome in ended.items()}
        return turn

    def one_by_one(self, payments: m.PayMany) -> list[Answer]:
        """Decide the payments of a batch as messages of their own."""
        return [self.ledger.handle(payments.pay(index, self.ledger.shard_count)) for index in range(len(payments))]

    def as_columns(self, payments: m.PayMany) -> tuple[m.PaidMany, list[Answer]]:
        """Decide them together, with what comes and goes as MessagePack between."""
        paid, singles = self.ledger.pay_many(_through_the_wire(msgspec.msgpack.encode(payments)))
        alone = [place for place, record in enumerate(paid.record_of) if record < 0]
        assert [pay for pay, _ in singles] == [payments.pay(place, self.ledger.shard_count) for place in alone]
        return _answer_through_the_wire(msgspec.msgpack.encode(paid)), [answer for _, answer in singles]


def expanded(payments: m.PayMany, paid: m.PaidMany, singles: Sequence[Answer], shards: int) -> list[Answer]:
    """Return an answer for each payment, as columns tell it: without the positions on other shards."""
    behind = iter(singles)
    answers: list[Answer] = []
    for place, (record, index) in enumerate(zip(paid.record_of, paid.indexes, strict=True)):
        if record < 0:
            answers.append(next(behind))
            continue
        at, number, sequence = paid.records[record]
        assert number == shard_of(payments.from_accounts[place], shards)
        answers.append(m.PaymentAnswer(Result.ACCEPTED, False, at, sequence, index, sequence))
    assert next(behind, None) is None
    return answers


def columns(drawn: Sequence[tuple[str, Leg, str | None]]) -> m.PayMany:
    """Return payments (key, leg, reference) as the API sends them."""
    legs, references = [leg for _, leg, _ in drawn], [reference for _, _, reference in drawn]
    currencies = [leg.currency for leg in legs]
    return m.PayMany(
        b"".join(digest((key, leg.from_account)) for key, leg, _ in drawn),
        b"".join(digest((leg, reference)) for _, leg, reference in drawn),
        [leg.from_account for leg in legs], [leg.to_account for leg in legs], [leg.amount for leg in legs],
        currencies[:1] if len(set(currencies)) == 1 else currencies, references if any(references) else [],
    )  # fmt: skip


@st.composite
def fitting_legs(draw: st.DrawFn, currencies: dict[str, str]) -> Leg:
    """Draw a leg that can mostly be made: between two accounts of one currency."""
    source = draw(i.accounts)
    fitting = [account for account in i.ACCOUNTS if currencies[account] == currencies[source] and account != source]
    return Leg(source, draw(st.sampled_from(fitting)), draw(st.one_of(st.integers(1, 20), i.amounts)), currencies[source])


def batches(currencies: dict[str, str]) -> st.SearchStrategy[m.PayMany]:
    """Return the strategy of batches, which now and then use a key twice."""
    fitting = fitting_legs(currencies)
    to_nobody = st.builds(Leg, i.accounts, st.just("nobody"), i.amounts, st.just("EUR"))
    legs = st.one_of(fitting, fitting, fitting, fitting, i.legs, to_nobody)
    references = st.sampled_from([None, None, None, "", "order 1"])
    return st.lists(st.tuples(st.sampled_from(KEYS), legs, references), min_size=1, max_size=12).map(columns)


@st.composite
def other_messages(draw: st.DrawFn, shards: int) -> m.AnyMessage:
    """Draw something that shares its turn with batches."""
    account = draw(i.accounts)
    shard = shard_of(account, shards)
    match draw(st.integers(0, 8)):
        case 0:
            return m.SetStatus(shard, account, draw(i.statuses))  # type: ignore[arg-type]
        case 1:
            return i.opening(account, draw(st.sampled_from(i.CURRENCIES)), draw(i.min_balances), draw(i.max_balances), shards)
        case 2:
            return m.ReadAccount(shard, account, draw(st.booleans()))
        case 3:
            return m.ReadDigest(shard)
        case 4:
            return m.ReadTotals(shard)
        case kind:
            legs = tuple(draw(i.several_legs))
            home, key = shard_of(legs[0].from_account, shards), digest((draw(st.sampled_from(KEYS)), legs[0].from_account))
            if kind == 5:
                return m.PayLegs(home, key, digest(legs), legs)
            return m.Hold(home, key, digest(("hold", legs)), legs, draw(i.lasts))


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw a ledger and what happens to it."""
    shards = draw(st.integers(1, 4))
    here = draw(st.one_of(st.just(range(shards)), st.sets(st.integers(0, shards - 1), min_size=1)))
    pattern = draw(st.sampled_from(["EUR EUR EUR EUR EUR EUR", "EUR USD EUR USD EUR USD", "EUR EUR EUR USD USD USD"]))
    currencies = dict(zip(i.ACCOUNTS, pattern.split(), strict=True))
    openings = [
        i.opening(account, currencies[account], draw(i.min_balances), draw(i.max_balances), shards) for account in i.ACCOUNTS
    ]
    batch = batches(currencies)
    steps = st.lists(st.one_of(batch, batch, other_messages(shards)), min_size=1, max_size=4)
    passed = st.sampled_from([-1, 0, 1, 600_000, 3_600_000_000])
    rounds = draw(st.lists(st.builds(Round, steps, passed, st.booleans(), st.booleans()), min_size=1, max_size=8))
    return Scenario(shards, frozenset(here), draw(st.sampled_from([None, RETENTION])), openings, rounds)
