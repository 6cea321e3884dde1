"""Layer `scale`: payments a second of a whole host with its PostgreSQL journal when it holds few accounts, and when it holds many.

Without HTTP: how many accounts there are matters to the host alone (its memory, its processor caches), and openings come in by
the same road as payments, so that ten million of them take minutes and not hours. Calls of 64 payments are what 64 connections
with single payments make of them; calls of 10,000 are full batches.
"""

from collections.abc import Iterator
from random import Random
from time import perf_counter

from loadtests.bench.database import own_ledgers
from loadtests.bench.figure import Figure, Goal, ratios
from loadtests.bench.local_hosts import LocalHosts
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say, Side, alternate
from loadtests.bench.traffic import account_ids, openings, payments

GOAL = Goal("at least", 0.9)
SHARDS = 8
SIZES = (64, 10_000)
PAYMENTS_MAX = 100_000
_OPENING_MESSAGES = 10_000
_OPENINGS_AT_ONCE = 500_000
"""So many are made beforehand: all of them would take as much memory as the accounts themselves."""


class Crowd:
    """A host with so many accounts."""

    def __init__(self, url: str, accounts: int) -> None:
        self.name = f"{accounts:,} accounts"
        self._hosts = LocalHosts(url, 1)
        self._count = accounts
        self._ids: list[str] = []
        self._random = Random(accounts)
        self._payments = dict.fromkeys(SIZES, PAYMENTS_MAX)

    def start(self) -> float:
        """Start the host and open the accounts; return the seconds of the latter."""
        self._hosts.start()
        started = perf_counter()
        for first in range(0, self._count, _OPENINGS_AT_ONCE):
            ids = account_ids(min(_OPENINGS_AT_ONCE, self._count - first), first)
            self._hosts.submit(self._hosts.split(list(openings(ids, SHARDS, _OPENING_MESSAGES))))
            self._ids += ids
        return perf_counter() - started

    def stop(self) -> None:
        """Stop the host."""
        self._hosts.stop()

    def sides(self, seconds: float) -> Iterator[Side]:
        """Yield a side for each size of calls."""
        for size in SIZES:
            yield Side(_name(size, self.name), lambda size=size: self._rate(size, seconds))  # type: ignore[misc]

    def _rate(self, size: int, seconds: float) -> float:
        lists = list(payments(self._ids, SHARDS, self._payments[size], size, self._random))
        accepted, passed = self._hosts.submit(self._hosts.split(lists), seconds)
        self._payments[size] = min(PAYMENTS_MAX, max(2 * accepted, size))
        return accepted / passed


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures."""
    figures = []
    with own_ledgers(SHARDS, 2) as urls:
        crowds = [Crowd(url, count) for url, count in zip(urls, (options.accounts, options.accounts_large), strict=True)]
        try:
            for crowd in crowds:
                seconds = crowd.start()
                say(f"opened {crowd.name} in {seconds:.1f} s")
                figures.append(Figure("scale", f"{crowd.name} opened by a host, without HTTP", "s", [seconds], is_cost=True))
            sides = [side for crowd in crowds for side in crowd.sides(options.seconds)]
            samples = alternate(sides, options.rounds, say, warm_up=True)
        finally:
            for crowd in crowds:
                crowd.stop()
    small, large = (crowd.name for crowd in crowds)
    for size in SIZES:
        few, many = samples[_name(size, small)], samples[_name(size, large)]
        figures += [
            Figure("scale", _name(size, small), "payments/s", few),
            Figure("scale", _name(size, large), "payments/s", many),
            Figure("scale", f"calls of {size:,}: {large} against {small}", "ratio", ratios(many, few), GOAL),
        ]
    return figures


def _name(size: int, accounts: str) -> str:
    return f"calls of {size:,} payments, {accounts}"
