"""Layer `core`: decode, decide, apply and encode single-leg payments, in the process's own CPU time on one core.

Two cases alternate: all accounts on one shard, and eight shards of one host, where seven of eight payments touch two shards and
so make two events. A third tells what the commit loop adds around it (futures, framing, SHA-256), with the journal in memory.
The limit is msgspec: decoding the same messages and nothing else, on the same core.
"""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import chain
from random import Random
from statistics import median
from time import process_time

import msgspec

from loadtests.bench.collector import collector_as_in_a_host
from loadtests.bench.failure import BenchFailed
from loadtests.bench.figure import Figure, Goal
from loadtests.bench.loop_over_journal import LoopOverJournal, require_accepted
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say, Side, alternate
from loadtests.bench.traffic import account_ids, openings, payments
from processor.clock import now_microseconds
from processor.core.ledger import Ledger
from processor.core.messages import AnyMessage
from processor.core.shard import Shard, unpack_outcome
from processor.journal.memory import MemoryJournal

GOAL = Goal("at least", 250_000)
LIMIT = "msgspec decoding the messages"
HOST_SHARDS = 8
PAYMENTS_MAX = 200_000
TURN_MESSAGES = 1_000

_decode = msgspec.msgpack.Decoder(list[AnyMessage]).decode
_encode = msgspec.msgpack.Encoder().encode


class Case:
    """Prepared traffic for a ledger of so many shards; it is decided anew in every round."""

    def __init__(self, shards: int, accounts: int, count: int) -> None:
        self.shards = shards
        self.count = count
        ids = account_ids(accounts)
        self.openings = list(openings(ids, shards, TURN_MESSAGES))
        self.payments = list(payments(ids, shards, count, TURN_MESSAGES, Random(1)))

    def rate(self) -> float:
        """Return the payments decided in a second of CPU time."""
        ledger = Ledger(self.shards)
        for number in range(self.shards):
            ledger.add(Shard(number, self.shards))
        _decide(ledger, self.openings)
        with collector_as_in_a_host():
            started = process_time()
            _decide(ledger, self.payments)
            seconds = process_time() - started
        _require_accepted(ledger.shards.values(), self.count)
        return self.count / seconds

    def loop_rate(self) -> float:
        """Return the same through the commit loop, with the journal in memory."""
        return asyncio.run(self._loop_rate())

    def decode_rate(self) -> float:
        """Return the messages decoded in a second of CPU time."""
        with collector_as_in_a_host():
            started = process_time()
            for data in self.payments:
                _decode(data)
            return self.count / (process_time() - started)

    async def _loop_rate(self) -> float:
        journal = MemoryJournal(self.shards)
        async with LoopOverJournal(journal, journal) as host:
            await host.submit_all(self.openings)
            with collector_as_in_a_host():
                started = process_time()
                answers = await host.submit_all(self.payments)
                seconds = process_time() - started
        require_accepted(answers, self.count)
        return self.count / seconds


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures."""
    count = min(options.size, PAYMENTS_MAX)
    one, host = Case(1, options.accounts, count), Case(HOST_SHARDS, options.accounts, count)
    names = (
        "all accounts on one shard",
        f"{HOST_SHARDS} shards of one host, 7 of 8 payments touch two",
        "the same through the commit loop, journal in memory",
    )
    works = (one.rate, host.rate, host.loop_rate, host.decode_rate)
    samples = alternate([Side(name, work) for name, work in zip((*names, LIMIT), works, strict=True)], options.rounds, say)
    goals = (GOAL, GOAL, None)
    limit = median(samples[LIMIT])
    return [
        Figure("core", name, "payments/s", samples[name], goal, limit, LIMIT) for name, goal in zip(names, goals, strict=True)
    ]


def _decide(ledger: Ledger, lists: Sequence[bytes]) -> None:
    handle = ledger.handle
    for data in lists:
        ledger.begin(now_microseconds())
        answers = [handle(message) for message in _decode(data)]
        ledger.seal()
        _encode(answers)


def _require_accepted(shards: Iterable[Shard], count: int) -> None:
    outcomes = chain.from_iterable(shard.outcomes.values() for shard in shards)
    accepted = sum(1 for outcome in outcomes if unpack_outcome(outcome)[5] == 0)
    if accepted != count:
        raise BenchFailed(f"core: only {accepted} of {count} payments were accepted")
