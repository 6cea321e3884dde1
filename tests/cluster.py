"""Ledgers of one or more hosts over one journal in memory, moved by hand: nothing happens but what a test does."""

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from itertools import count

import msgspec

from processor.core import messages as m
from processor.core.events import decode_events
from processor.core.invariants import transit_violations, violations
from processor.core.ledger import Retention
from processor.core.peers import AnyPeerMessage
from processor.core.recall import AnyFact, Recall
from processor.core.routing import shard_of
from processor.core.shard import Shard
from processor.core.turn import AfterSeal, Pending, SealedRecord
from tests.audit.archive import AuditArchive
from tests.audit.journal_audit import JournalAudit
from tests.audit.observed_ledger import ObservedLedger
from tests.model.payments import Place

START = 1_700_000_000_000_000
TICK_MICROSECONDS = 200_000
HOUR_MICROSECONDS = 3_600_000_000

Answer = m.AnyAnswer | Pending | AfterSeal | Recall

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AnyPeerMessage).decode


@cache
def account_on(shard: int, shards: int, nth: int = 0) -> str:
    """Return the name of the nth account that lives on this shard."""
    names = (f"account-{number}" for number in count())
    found = (name for name in names if shard_of(name, shards) == shard)
    return next(name for position, name in enumerate(found) if position == nth)


def digest(content: object) -> bytes:
    """Return 16 bytes that stand for the content, as the API makes them for keys and fingerprints."""
    return blake2b(_encode(content), digest_size=16).digest()


def place_of(home: int, answer: m.PaymentAnswer) -> Place:
    """Return the place of the payment that was answered by this home shard."""
    return home, answer.at, answer.sequence, answer.index


class Cluster:
    """Shard n belongs to host n modulo the number of hosts until it is moved. Every record is audited as it is written.

    With a `retention` shards forget what is old, as far as `archive` has read their journal; it catches up whenever all has come
    to rest, unless `is_archive_slow`.
    """

    def __init__(self, shards: int, hosts: int = 1, retention: Retention | None = None) -> None:
        self.shards = shards
        self.retention = retention
        self.now = START
        self.journal: list[list[SealedRecord]] = [[] for _ in range(shards)]
        self.owner = {shard: shard % hosts for shard in range(shards)}
        self.ledgers = [ObservedLedger(shards, retention) for _ in range(hosts)]
        for shard, host in self.owner.items():
            self.ledgers[host].add(Shard(shard, shards))
        self.in_flight: list[AnyPeerMessage] = []
        self.completed: dict[tuple[int, int], m.PaymentAnswer | m.OperationAnswer] = {}
        self.turns = 0
        self.audit = JournalAudit(shards, {})
        self.archive = AuditArchive(self.audit)
        self.is_archive_slow = False

    def turn(
        self,
        host: int,
        messages: Iterable[m.AnyMessage] = (),
        peers: Iterable[AnyPeerMessage] = (),
        tick: bool = False,
        facts: Iterable[AnyFact] = (),
    ) -> list[Answer]:
        """Let a host take one turn and make it durable; return the answers to `messages`."""
        ledger = self.ledgers[host]
        ledger.begin(self.now)
        ledger.recall(facts)
        if ledger.wants_to_age():
            ledger.age(self.archive.positions)
        answers = [ledger.handle(message) for message in messages]
        for peer in peers:
            ledger.receive(peer)
        if tick:
            ledger.tick()
        turn = ledger.seal()
        assert set(turn.consulted) <= ledger.shards.keys(), "an answer rests on shards that are elsewhere"
        for record in turn.records:
            assert record.sequence == len(self.journal[record.shard]) + 1
            self.journal[record.shard].append(record)
        self.audit.append(turn.records, ledger.order, ledger.shards.keys())
        # As on a wire: what arrives shares nothing with what was sent.
        self.in_flight.extend(_decode(_encode(message)) for message in turn.outbox)
        self.completed.update({(done.home, done.number): done.answer for done in turn.completed})
        self.turns += 1
        return answers

    def ask(self, message: m.AnyMessage) -> m.AnyAnswer:
        """Return the answer to one message, after everything that it set in motion has come to rest."""
        answer = self.send(message)
        self.settle()
        if isinstance(answer, Pending):
            return self.completed[answer.home, answer.number]
        assert not isinstance(answer, AfterSeal)
        return answer

    def send(self, message: m.AnyMessage, known: Sequence[AnyFact] = ()) -> m.AnyAnswer | Pending | AfterSeal:
        """Return what is said at once to one message, or what the archive made possible to say; `known` are older facts."""
        facts = list(known)
        for _ in range(5):
            answer = self.turn(self.owner[message.shard], [message], facts=facts)[0]
            if not isinstance(answer, Recall):
                return answer
            facts.append(self.archive.fact(answer))
        raise AssertionError(f"the archive's facts are never used: {facts}")

    def pay(self, key: str, *legs: m.Leg, fingerprint: bytes | None = None, as_legs: bool = False) -> m.PaymentAnswer:
        """Make a payment and return its answer; equal legs have an equal fingerprint unless told otherwise."""
        answer = self.ask(self.payment(key, legs, fingerprint, as_legs))
        assert isinstance(answer, m.PaymentAnswer)
        return answer

    def payment(
        self,
        key: str,
        legs: Sequence[m.Leg],
        fingerprint: bytes | None = None,
        as_legs: bool = False,
        conditions: tuple[m.Condition, ...] | None = None,
        version: int | None = None,
    ) -> m.Pay | m.PayLegs:
        """Return the message that asks for the payment."""
        content = fingerprint or digest((legs, conditions) if conditions else legs)
        shard = shard_of(legs[0].from_account, self.shards)
        message: m.Pay | m.PayLegs
        if len(legs) > 1 or as_legs:
            message = m.PayLegs(shard, digest(key), content, tuple(legs), None, None, conditions, version)
        else:
            leg = legs[0]
            message = m.Pay(
                shard, digest(key), content, leg.from_account, leg.to_account, leg.amount, leg.currency, None, None,
                conditions, version,
            )  # fmt: skip
        self.audit.asked[content] = message
        return message

    def hold(
        self,
        key: str,
        *legs: m.Leg,
        lasts_microseconds: int = HOUR_MICROSECONDS,
        conditions: tuple[m.Condition, ...] | None = None,
        version: int | None = None,
    ) -> m.PaymentAnswer:
        """Reserve money and return the answer."""
        answer = self.ask(self.holding(key, legs, lasts_microseconds, conditions, version))
        assert isinstance(answer, m.PaymentAnswer)
        return answer

    def holding(
        self,
        key: str,
        legs: Sequence[m.Leg],
        lasts_microseconds: int = HOUR_MICROSECONDS,
        conditions: tuple[m.Condition, ...] | None = None,
        version: int | None = None,
    ) -> m.Hold:
        """Return the message that asks for a hold."""
        content = digest(("hold", legs, lasts_microseconds, conditions))
        shard = shard_of(legs[0].from_account, self.shards)
        message = m.Hold(shard, digest(key), content, tuple(legs), lasts_microseconds, None, None, conditions, version)
        self.audit.asked[content] = message
        return message

    def capture(self, key: str, place: Place, amounts: tuple[int, ...] | None = None, final: bool = True) -> m.OperationAnswer:
        """Capture what a payment holds, and return the answer."""
        return self._operate(self.capturing(key, place, amounts, final))

    def void(self, key: str, place: Place) -> m.OperationAnswer:
        """Void a payment and return the answer."""
        return self._operate(self.voiding(key, place))

    def refund(
        self, key: str, place: Place, amounts: tuple[int, ...] | None = None, reason: str | None = None
    ) -> m.OperationAnswer:
        """Refund a payment (with a reason: reverse it) and return the answer."""
        return self._operate(self.refunding(key, place, amounts, reason))

    def read_payment(self, place: Place) -> m.OperationAnswer:
        """Return a payment as its home knows it."""
        shard, at, sequence, index = place
        return self._operate(m.ReadPayment(shard, at, sequence, index))

    def capturing(self, key: str, place: Place, amounts: tuple[int, ...] | None = None, final: bool = True) -> m.Capture:
        """Return the message that asks for a capture."""
        shard, at, sequence, index = place
        content = digest(("capture", place, amounts, final))
        message = m.Capture(shard, at, sequence, index, digest((key, place)), content, amounts, final)
        self.audit.asked[content] = message
        return message

    def voiding(self, key: str, place: Place) -> m.Void:
        """Return the message that asks for a void."""
        shard, at, sequence, index = place
        content = digest(("void", place))
        message = m.Void(shard, at, sequence, index, digest((key, place)), content)
        self.audit.asked[content] = message
        return message

    def refunding(self, key: str, place: Place, amounts: tuple[int, ...] | None = None, reason: str | None = None) -> m.Refund:
        """Return the message that asks for a refund or a reversal."""
        shard, at, sequence, index = place
        content = digest(("refund", place, amounts, reason))
        message = m.Refund(shard, at, sequence, index, digest((key, place)), content, amounts, reason)
        self.audit.asked[content] = message
        return message

    def _operate(self, message: m.Capture | m.Void | m.Refund | m.ReadPayment) -> m.OperationAnswer:
        answer = self.ask(message)
        assert isinstance(answer, m.OperationAnswer)
        return answer

    def open(
        self, account: str, currency: str = "EUR", min_balance: int | None = 0, max_balance: int | None = None
    ) -> m.AccountAnswer:
        """Open an account and return the answer."""
        answer = self.ask(m.OpenAccount(shard_of(account, self.shards), account, currency, min_balance, max_balance))
        assert isinstance(answer, m.AccountAnswer)
        return answer

    def set_status(self, account: str, status: m.Status) -> m.AccountAnswer:
        """Freeze, unfreeze or close an account and return the answer."""
        answer = self.ask(m.SetStatus(shard_of(account, self.shards), account, status))
        assert isinstance(answer, m.AccountAnswer)
        return answer

    def read(self, account: str) -> m.AccountView:
        """Return an account that exists."""
        answer = self.ask(m.ReadAccount(shard_of(account, self.shards), account))
        assert isinstance(answer, m.AccountAnswer)
        assert answer.account is not None
        return answer.account

    def deliver(self, position: int = 0, keep_copy: bool = False) -> None:
        """Hand one message that is under way to its receiver; a copy may stay under way."""
        message = self.in_flight[position] if keep_copy else self.in_flight.pop(position)
        self.turn(self.owner[message.shard], peers=[message])

    def tick(self, host: int, passed_microseconds: int = TICK_MICROSECONDS) -> None:
        """Let time pass, and let one host look after what it waits for."""
        self.now += passed_microseconds
        self.turn(host, tick=True)

    def settle(self) -> None:
        """Deliver everything and let time pass until nothing travels. Bounded: what does not come to rest is a failure."""
        for _ in range(1000):
            while self.in_flight:
                self.deliver()
            if not any(ledger.is_travelling() for ledger in self.ledgers):
                if not self.is_archive_slow:
                    self.let_the_archive_catch_up()
                return
            for host in range(len(self.ledgers)):
                self.tick(host)
        raise AssertionError("transfers do not come to rest")

    def let_the_archive_catch_up(self) -> None:
        """Let the archive read every shard's journal to its end."""
        for shard in range(self.shards):
            self.archive.catch_up(shard)

    def let_holds_expire(self, passed_microseconds: int = HOUR_MICROSECONDS) -> None:
        """Let time pass, let hosts take turns until no hold's time has come, and let all come to rest."""
        self.now += passed_microseconds
        for _ in range(1000):
            waiting = [host for host, ledger in enumerate(self.ledgers) if (ledger.next_due_at() or self.now + 1) <= self.now]
            if not waiting:
                self.settle()
                return
            self.turn(waiting[0])
        raise AssertionError("holds do not expire")

    def rebuilt(self, shard: int, until: int | None = None, start: Shard | None = None) -> Shard:
        """Return a shard as the journal alone tells it, up to a sequence, from nothing or from `start`."""
        state = start if start is not None else Shard(shard, self.shards)
        for record in self.journal[shard][state.sequence : until]:
            state.replay(record.sequence, record.at, decode_events(record.payload))
        return state

    def crash(self, host: int) -> None:
        """Throw a host's memory away and build it again from the journal."""
        self.ledgers[host] = ObservedLedger(self.shards, self.retention)
        for shard, owner in self.owner.items():
            if owner == host:
                self.ledgers[host].add(self.rebuilt(shard))

    def move(self, shard: int, host: int) -> None:
        """Let another host own the shard, as the journal tells it."""
        self.ledgers[self.owner[shard]].remove(shard)
        self.owner[shard] = host
        self.ledgers[host].add(self.rebuilt(shard))

    def all_shards(self) -> list[Shard]:
        """Return every shard as its host has it now."""
        return [self.ledgers[self.owner[shard]].shards[shard] for shard in range(self.shards)]

    def check(self) -> None:
        """Every invariant holds, the books agree, and the journal alone gives every shard's state byte for byte."""
        self.audit.check_books()
        shards = self.all_shards()
        for shard in shards:
            assert violations(shard) == []
            assert self.rebuilt(shard.number).encode() == shard.encode()
        if not self.audit.travels.open_ones():
            assert transit_violations(shards) == []
