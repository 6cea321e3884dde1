"""Layer `projector`: the tables for lists and the past, made anew from a journal in PostgreSQL by one projector, as fast as it can.

Steps of the usual size, and large ones as it makes them far behind. Processor time is told apart: the projector's own process, and
PostgreSQL with all its processes. Both are needed: under a load that lasts, they take it from the payments.
"""

from random import Random

import asyncpg
import msgspec
import uvloop

from loadtests.bench.cpu import CLIENT, DATABASE, look, shares_between
from loadtests.bench.database import own_ledger
from loadtests.bench.failure import BenchFailed
from loadtests.bench.figure import Figure
from loadtests.bench.host import open_accounts
from loadtests.bench.local_hosts import LocalHosts
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say, Side, alternate
from loadtests.bench.traffic import account_ids, payments
from processor.projections.pace import LARGE_TIMES
from processor.projections.projector import BATCH_BYTES, Projector
from processor.projections.schema import prepare_projections
from processor.projections.snapshots import SCHEMA

SHARDS = 8
PAYMENTS_MAX = 200_000
CALL_PAYMENTS = 1_000
STEPS_BYTES = {"usual steps": BATCH_BYTES, "large steps": BATCH_BYTES * LARGE_TIMES}


class Cost(msgspec.Struct, frozen=True):
    """Processor time of one payment, in microseconds."""

    python: float
    postgres: float


class Case:
    """The same journal, with so many payments in it, projected in steps of one size into new tables in every round."""

    def __init__(self, name: str, url: str, count: int, batch_bytes: int) -> None:
        self.name = name
        self.costs: list[Cost] = []
        self._url = url
        self._count = count
        self._batch_bytes = batch_bytes

    def rate(self) -> float:
        """Project the journal; return the payments a second."""
        return uvloop.run(self._rate())

    async def _rate(self) -> float:
        connection = await asyncpg.connect(self._url)
        projector = Projector(self._url, batch_bytes=self._batch_bytes)
        try:
            await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            await prepare_projections(self._url)
            await connection.execute("CHECKPOINT")  # What came before is written out now, and not while this is measured.
            before = look()
            await projector.catch_up()
            cpu = shares_between(before, look(), self._count)
            projected = await connection.fetchval(f"SELECT count(*) FROM {SCHEMA}.payments")
        finally:
            await projector.close()
            await connection.close()
        if projected != self._count:
            raise BenchFailed(f"projector: {projected:,} of {self._count:,} payments were projected")
        self.costs.append(Cost(cpu.microseconds_per_payment(CLIENT), cpu.microseconds_per_payment(DATABASE)))
        return self._count / cpu.seconds


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures."""
    count = min(options.size, PAYMENTS_MAX)
    with own_ledger(SHARDS) as url:
        _write(url, options.accounts, count)
        cases = [Case(f"{count:,} payments, {name}", url, count, size) for name, size in STEPS_BYTES.items()]
        samples = alternate([Side(case.name, case.rate) for case in cases], options.rounds, say, warm_up=True)
    return [figure for case in cases for figure in _figures(case, samples[case.name])]


def _write(url: str, accounts: int, count: int) -> None:
    ids = account_ids(accounts)
    host = LocalHosts(url, 1)
    host.start()
    try:
        open_accounts(host, ids)
        accepted, _ = host.submit(host.split(list(payments(ids, SHARDS, count, CALL_PAYMENTS, Random(1)))))
    finally:
        host.stop()
    if accepted != count:
        raise BenchFailed(f"projector: {accepted:,} of {count:,} payments were accepted")


def _figures(case: Case, rates: list[float]) -> list[Figure]:
    costs = case.costs[1:]  # The first was to warm up.
    python, postgres = [cost.python for cost in costs], [cost.postgres for cost in costs]
    return [
        Figure("projector", case.name, "payments/s", rates),
        Figure("projector", f"{case.name}: Python", "us/payment", python, is_cost=True),
        Figure("projector", f"{case.name}: PostgreSQL", "us/payment", postgres, is_cost=True),
    ]
