"""Layer `lists`: what the API reads from the projections, in a read model of as many payments as `size` says.

Every kind of read is made with other values each time: hot accounts and cold ones, common filters and rare ones, and the first
page as well as pages far down.
"""

from collections.abc import Awaitable, Callable
from random import Random
from statistics import quantiles
from time import perf_counter

import msgspec
import uvloop

from loadtests.bench.database import own_ledger
from loadtests.bench.failure import BenchFailed
from loadtests.bench.figure import Figure, Goal
from loadtests.bench.options import Options
from loadtests.bench.read_model import PAYMENTS_A_RECORD, SHARDS, account_count, make_read_model
from loadtests.bench.rounds import Say
from processor.projections.cursors import write_cursor
from processor.projections.payment_filters import PaymentFilters
from processor.projections.reader import ProjectionReader

GOAL = Goal("less than", 20)
GOAL_PAYMENTS = 10_000_000
# Among fewer some filters would find nothing.
PAYMENTS_MIN = 20_000
READS = 200
PAGE = 25
_START = 1_700_000_000_000_000
_YEAR = 31_536_000_000_000
_HOT_ACCOUNTS = 10

Read = Callable[[], Awaitable[int]]
"""One read with random values; returns how many rows it found."""


class Kind(msgspec.Struct, frozen=True):
    """One kind of read. `finds`: whether there is anything to be found."""

    name: str
    read: Read
    finds: bool = True


class Lists:
    """All kinds of reads of a read model with so many payments."""

    def __init__(self, reader: ProjectionReader, payments: int) -> None:
        self._reader = reader
        self._payments = payments
        self._random = Random(1)

    def kinds(self) -> list[Kind]:
        """Return the kinds, in the order in which they are measured."""
        return [
            Kind("payments, no filter", self._list),
            Kind("payments, a page far down", lambda: self._list(cursor_of={})),
            Kind("payments of a hot account", lambda: self._list(account=self._hot())),
            Kind("payments of a hot account, a page far down", lambda: self._list(cursor_of={"account": self._hot()})),
            Kind("payments of a cold account", lambda: self._list(account=self._cold())),
            Kind("payments by reference", lambda: self._list(reference=f"order-{self._random.randrange(0, self._payments, 3)}")),
            Kind("payments of a common status", lambda: self._list(status="succeeded")),
            Kind("payments of a rare status", lambda: self._list(status=self._random.choice(("held", "expired")))),
            Kind("refunded payments of a hot account", lambda: self._list(account=self._hot(), status="refunded")),
            Kind("payments of a hot account of a rare amount", lambda: self._list(account=self._hot(), amount_gte=self._rare())),
            Kind("payments in a common currency", lambda: self._list(currency=self._random.choice(("EUR", "USD")))),
            Kind("payments in a currency of long ago", lambda: self._list(currency="CHF")),
            Kind("payments of an hour", self._hour),
            Kind("payments of a common amount", lambda: self._list(amount_gte=self._random.randint(10, 10_000))),
            Kind("payments of an uncommon amount", lambda: self._list(amount_gte=self._random.randint(99_000, 99_900))),
            Kind("payments of a rare amount", lambda: self._list(amount_gte=self._rare())),
            Kind("payments of no amount there is", lambda: self._list(amount_gte=10**13), finds=False),
            Kind("payments with common metadata", lambda: self._list(metadata={"channel": self._random.choice(("web", "app"))})),
            Kind("payments with uncommon metadata", lambda: self._list(metadata={"campaign": "spring"})),
            Kind("payments with rare metadata", lambda: self._list(metadata={"customer": self._customer()})),
            Kind("entries of a hot account", lambda: self._entries(self._hot())),
            Kind("entries of a cold account", lambda: self._entries(self._cold())),
            Kind("balances at an instant", self._balances),
            Kind("a statement of a hot account's day", lambda: self._statement(self._hot(), 24)),
            Kind("a statement of a cold account's year", lambda: self._statement(self._cold(), 24 * 365)),
        ]

    async def _list(self, cursor_of: dict[str, object] | None = None, **filters: object) -> int:
        chosen = msgspec.convert(cursor_of if cursor_of is not None else filters, PaymentFilters)
        cursor = write_cursor(("payments", chosen), self._place()) if cursor_of is not None else None
        return len((await self._reader.payments(chosen, cursor, PAGE)).payments)

    async def _hour(self) -> int:
        begins = self._instant(self._hours(1))
        return await self._list(created_gte=begins, created_lt=begins + self._hours(1))

    async def _entries(self, account: str) -> int:
        return len((await self._reader.entries(account, None, PAGE)).lines)

    async def _balances(self) -> int:
        found = await self._reader.balances_at(self._hot(), self._instant(0) + self._hours(24))
        return 1 if found.balances is not None else 0

    async def _statement(self, account: str, hours: int) -> int:
        begins = self._instant(self._hours(hours))
        return len((await self._reader.statement(account, begins, begins + self._hours(hours), None, PAGE)).lines)

    def _hot(self) -> str:
        return f"account-{self._random.randint(1, _HOT_ACCOUNTS)}"

    def _cold(self) -> str:
        """Return an account that has about ten payments to a hundred of a hot one's ten thousands."""
        count = account_count(self._payments)
        return f"account-{self._random.randint(count // 200, count // 100)}"

    def _rare(self) -> int:
        return self._random.randint(1_000_000, 10_000_000)

    def _customer(self) -> str:
        return f"customer-{self._random.randrange(self._payments // 100)}"

    def _place(self) -> tuple[int, int, int, int]:
        """Return the place of a payment anywhere but at the list's end."""
        record = self._random.randint(2, self._payments // (SHARDS * PAYMENTS_A_RECORD))
        return _START + (record - 1) * self._record_microseconds(), self._random.randrange(SHARDS), record, 0

    def _instant(self, before_end: int) -> int:
        return _START + self._random.randint(0, _YEAR - before_end)

    def _record_microseconds(self) -> int:
        return _YEAR * SHARDS * PAYMENTS_A_RECORD // self._payments

    @staticmethod
    def _hours(hours: int) -> int:
        return hours * 3_600_000_000


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures, in milliseconds. The goal is for 10,000,000 payments: with another size it is left out."""
    payments = max(options.size, PAYMENTS_MIN)
    with own_ledger(SHARDS) as url:
        seconds = uvloop.run(make_read_model(url, payments))
        say(f"made a read model of {payments:,} payments in {seconds:.0f} s")
        samples = uvloop.run(_measure(url, payments, options.rounds, say))
    goal = GOAL if payments == GOAL_PAYMENTS else None
    return [
        Figure(
            "lists", f"of {payments:,}: {name}, {label}", "ms", [sample[number] for sample in rounds], goal if number else None
        )
        for name, rounds in samples.items()
        for number, label in enumerate(("p50", "p99"))
    ]


async def _measure(url: str, payments: int, rounds: int, say: Say) -> dict[str, list[tuple[float, float]]]:
    """Return the 50th and the 99th percentile of each kind in each round; a first round, to warm up, is not counted."""
    reader = await ProjectionReader.connect(url)
    try:
        kinds = Lists(reader, payments).kinds()
        samples: dict[str, list[tuple[float, float]]] = {kind.name: [] for kind in kinds}
        for number in range(rounds + 1):
            for kind in kinds:
                middle, high = await _percentiles(kind)
                say(f"{f'round {number} of {rounds}' if number else 'warm-up'}: {kind.name}: {middle:.2f}, {high:.2f} ms")
                if number:
                    samples[kind.name].append((middle, high))
        return samples
    finally:
        await reader.close()


async def _percentiles(kind: Kind) -> tuple[float, float]:
    milliseconds, found = [], 0
    for _ in range(READS):
        started = perf_counter()
        found += await kind.read()
        milliseconds.append((perf_counter() - started) * 1000)
    if bool(found) != kind.finds:
        raise BenchFailed(f"lists: {kind.name}: {found} rows were found in {READS} reads")
    cuts = quantiles(milliseconds, n=100)
    return cuts[49], cuts[98]
