"""Ledgers of one or more hosts over one journal in memory, moved by hand: nothing happens but what a test does."""

from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import blake2b
from itertools import count

import msgspec

from processor.core import messages as m
from processor.core.events import decode_events
from processor.core.invariants import transit_violations, violations
from processor.core.peers import AnyPeerMessage
from processor.core.routing import shard_of
from processor.core.shard import Shard
from processor.core.turn import AfterSeal, Pending, SealedRecord
from tests.audit.journal_audit import JournalAudit
from tests.audit.observed_ledger import ObservedLedger

START = 1_700_000_000_000_000
TICK_MICROSECONDS = 200_000

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


class Cluster:
    """Shard n belongs to host n modulo the number of hosts until it is moved. Every record is audited as it is written."""

    def __init__(self, shards: int, hosts: int = 1) -> None:
        self.shards = shards
        self.now = START
        self.journal: list[list[SealedRecord]] = [[] for _ in range(shards)]
        self.owner = {shard: shard % hosts for shard in range(shards)}
        self.ledgers = [ObservedLedger(shards) for _ in range(hosts)]
        for shard, host in self.owner.items():
            self.ledgers[host].add(Shard(shard, shards))
        self.in_flight: list[AnyPeerMessage] = []
        self.completed: dict[tuple[int, int], m.PaymentAnswer] = {}
        self.audit = JournalAudit(shards, {})

    def turn(
        self, host: int, messages: Iterable[m.AnyMessage] = (), peers: Iterable[AnyPeerMessage] = (), tick: bool = False
    ) -> list[m.AnyAnswer | Pending | AfterSeal]:
        """Let a host take one turn and make it durable; return the answers to `messages`."""
        ledger = self.ledgers[host]
        ledger.begin(self.now)
        answers = [ledger.handle(message) for message in messages]
        for peer in peers:
            ledger.receive(peer)
        if tick:
            ledger.tick()
        turn = ledger.seal()
        for record in turn.records:
            assert record.sequence == len(self.journal[record.shard]) + 1
            self.journal[record.shard].append(record)
        self.audit.append(turn.records, ledger.order, ledger.shards.keys())
        # As on a wire: what arrives shares nothing with what was sent.
        self.in_flight.extend(_decode(_encode(message)) for message in turn.outbox)
        self.completed.update({(done.home, done.number): done.answer for done in turn.completed})
        return answers

    def ask(self, message: m.AnyMessage) -> m.AnyAnswer:
        """Return the answer to one message, after everything that it set in motion has come to rest."""
        answer = self.turn(self.owner[message.shard], [message])[0]
        self.settle()
        if isinstance(answer, Pending):
            return self.completed[answer.home, answer.number]
        assert not isinstance(answer, AfterSeal)
        return answer

    def pay(self, key: str, *legs: m.Leg, fingerprint: bytes | None = None, as_legs: bool = False) -> m.PaymentAnswer:
        """Make a payment and return its answer; equal legs have an equal fingerprint unless told otherwise."""
        answer = self.ask(self.payment(key, legs, fingerprint, as_legs))
        assert isinstance(answer, m.PaymentAnswer)
        return answer

    def payment(
        self, key: str, legs: Sequence[m.Leg], fingerprint: bytes | None = None, as_legs: bool = False
    ) -> m.Pay | m.PayLegs:
        """Return the message that asks for the payment."""
        content = fingerprint or digest(legs)
        self.audit.asked[content] = tuple(legs)
        shard = shard_of(legs[0].from_account, self.shards)
        if len(legs) > 1 or as_legs:
            return m.PayLegs(shard, digest(key), content, tuple(legs))
        leg = legs[0]
        return m.Pay(shard, digest(key), content, leg.from_account, leg.to_account, leg.amount, leg.currency)

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
                return
            for host in range(len(self.ledgers)):
                self.tick(host)
        raise AssertionError("transfers do not come to rest")

    def rebuilt(self, shard: int, until: int | None = None, start: Shard | None = None) -> Shard:
        """Return a shard as the journal alone tells it, up to a sequence, from nothing or from `start`."""
        state = start if start is not None else Shard(shard, self.shards)
        for record in self.journal[shard][state.sequence : until]:
            state.replay(record.sequence, record.at, decode_events(record.payload))
        return state

    def crash(self, host: int) -> None:
        """Throw a host's memory away and build it again from the journal."""
        self.ledgers[host] = ObservedLedger(self.shards)
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
