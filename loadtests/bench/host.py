"""Layer `host`: a whole shard host with the PostgreSQL journal, without Ray and HTTP: calls of 64, 1,000 and 10,000 payments.

Its limit is its journal: records of the same size, as many in one append, appended by themselves one after another. Two hosts in
one process, between which half of the payments travel, show what a payment between hosts costs (loadtests/model).
"""

import os
from collections.abc import Callable
from random import Random
from statistics import median

import msgspec

from loadtests.bench.cpu import CLIENT, DATABASE, look, shares_between
from loadtests.bench.database import own_ledgers
from loadtests.bench.figure import Figure
from loadtests.bench.journal import Appender
from loadtests.bench.local_hosts import LocalHosts
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say, Side, alternate
from loadtests.bench.traffic import account_ids, openings, payments

SHARDS = 8
SIZES = (64, 1_000, 10_000)
TWO_HOSTS_SIZE = 1_000
LIMIT = "the same records appended by themselves"
PAYMENTS_MAX = 100_000
"""In one measurement: memory of their keys grows with all of them."""

_OPENING_MESSAGES = 10_000
_LIMIT_SECONDS_MAX = 1.0


class Load(msgspec.Struct, frozen=True):
    """One measurement. Processor time in microseconds and journal bytes are for each payment."""

    rate: float
    host_microseconds: float
    database_microseconds: float
    journal_bytes: float
    payments_per_turn: float
    records_per_turn: float


class Case:
    """Calls of one size to one or two hosts."""

    def __init__(self, name: str, hosts: LocalHosts, size: int, options: Options) -> None:
        self.name = name
        self.loads: list[Load] = []
        self._hosts = hosts
        self._size = size
        self._seconds = options.seconds
        self._ids = account_ids(options.accounts)
        self._random = Random(name)
        self._count = PAYMENTS_MAX

    def rate(self) -> float:
        """Send calls until the time is over; return the payments decided and durable in a second."""
        lists = list(payments(self._ids, SHARDS, self._count, self._size, self._random))
        calls = self._hosts.split(lists)
        heads, turns = self._hosts.heads(), self._hosts.turns()
        before = look()
        accepted, seconds = self._hosts.submit(calls, self._seconds)
        cpu = shares_between(before, look(), accepted)
        taken = self._hosts.turns() - turns
        records, size = self._hosts.record_bytes(heads)
        self._count = min(PAYMENTS_MAX, max(2 * accepted, self._size))
        load = Load(
            accepted / seconds, cpu.microseconds_per_payment(CLIENT), cpu.microseconds_per_payment(DATABASE),
            size / accepted, accepted / taken, records / taken,
        )  # fmt: skip
        self.loads.append(load)
        return load.rate

    def limit(self, appender: Appender) -> float:
        """Return how many payments a second the journal alone would take, in records as large as those of the last measurement."""
        last = self.loads[-1]
        payload = os.urandom(
            max(1, round(last.journal_bytes * last.payments_per_turn / SHARDS))
        )  # The database could compress zeros.
        return appender.rate(payload, min(self._seconds, _LIMIT_SECONDS_MAX)) * last.payments_per_turn


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures."""
    with own_ledgers(SHARDS, 3) as (first, second, third):
        one, two, appender = LocalHosts(first, 1), LocalHosts(second, 2), Appender(third)
        for part in (one, two):
            part.start()
        appender.open()
        try:
            for hosts in (one, two):
                open_accounts(hosts, account_ids(options.accounts))
            cases = [Case(f"calls of {size:,} payments", one, size, options) for size in SIZES]
            pair = Case(f"two hosts, half of the payments travel, calls of {TWO_HOSTS_SIZE:,}", two, TWO_HOSTS_SIZE, options)
            sides = [side for case in cases for side in (Side(case.name, case.rate), _limit_side(case, appender))]
            samples = alternate([*sides, Side(pair.name, pair.rate)], options.rounds, say, warm_up=True)
        finally:
            for part in (one, two):
                part.stop()
            appender.close()
    return [figure for case in (*cases, pair) for figure in _figures(case, samples)]


def open_accounts(hosts: LocalHosts, ids: list[str]) -> float:
    """Open the accounts through the hosts, none with a lower bound; return the seconds that it took."""
    return hosts.submit(hosts.split(list(openings(ids, SHARDS, _OPENING_MESSAGES))))[1]


def _limit_side(case: Case, appender: Appender) -> Side:
    return Side(_limit_name(case), lambda: case.limit(appender) if case.loads else 0.0)


def _limit_name(case: Case) -> str:
    return f"{case.name}: {LIMIT}"


def _figures(case: Case, samples: dict[str, list[float]]) -> list[Figure]:
    loads = case.loads[1:]  # The first was to warm up.
    limits = samples.get(_limit_name(case))

    def cost(what: str, unit: str, value: Callable[[Load], float]) -> Figure:
        return Figure("host", f"{case.name}: {what}", unit, [value(load) for load in loads], is_cost=True)

    rate = Figure("host", case.name, "payments/s", samples[case.name])
    if limits:
        rate = msgspec.structs.replace(rate, limit=median(limits), limit_name=LIMIT)
    return [
        rate,
        cost("the host", "us/payment", lambda load: load.host_microseconds),
        cost("PostgreSQL", "us/payment", lambda load: load.database_microseconds),
        cost("journal", "bytes/payment", lambda load: load.journal_bytes),
        cost("a turn", "payments", lambda load: load.payments_per_turn),
    ]
