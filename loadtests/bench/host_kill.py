"""Layer `host_kill`: what clients notice when one of two shard hosts is killed under load (SIGKILL).

Payments fall due at half of the peak, half of them between accounts of the one host, half between accounts of the other, from
separate connections. Payments between the two hosts are left out: they need both.
"""

import asyncio
from random import Random
from time import monotonic

import msgspec
import uvloop

from loadtests.bench.collector import collector_off
from loadtests.bench.failure import BenchFailed
from loadtests.bench.figure import Figure, Goal
from loadtests.bench.latency import SHARE_OF_PEAK
from loadtests.bench.open_loop import Arrivals, OpenLoopResult, arrivals, longest_gap, run_open_loop
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Say
from loadtests.workload import MAXIMUM_AMOUNT, Workload
from processor.client.together import run_together
from processor.core.routing import shard_of
from processor.demo.outage import Victim, find_victim
from processor.settings import load_settings

OWN_GOAL = Goal("less than", 3)
OTHERS_GOAL = Goal("at most", 1)
HOSTS = 2
_WINDOW_SECONDS_MIN = 6.0
"""So long before the kill and so long after it is looked at: longer than an outage may be."""


class Kill(msgspec.Struct, frozen=True):
    """One kill: the longest times without an answer, in seconds, and the others' latencies in milliseconds."""

    own_gap_seconds: float
    others_gap_ms: float
    others_gap_before_ms: float
    others_p999_ms: float
    others_p999_before_ms: float
    dropped: int


class _Killer:
    """Kills the busiest host in the middle of a load, and remembers when."""

    def __init__(self, victim: Victim) -> None:
        self._victim = victim
        self.killed_at = 0.0

    async def kill_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._victim.process.kill()
        self.killed_at = monotonic()


def measure(payments: PaymentsInstance, options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures. Raises BenchFailed if a payment is not accepted in the end."""
    payments.scale(HOSTS)
    kills = []
    for number in range(1, options.rounds + 1):
        peak = payments.singles("random_accounts", options.seconds).rate
        kills.append(_kill(payments, options, peak * SHARE_OF_PEAK, number))
        payments.wait_for_hosts()
        say(f"round {number} of {options.rounds}: host_kill at {peak * SHARE_OF_PEAK:,.0f} payments/s: {kills[-1]}")
    return _figures(kills)


def _kill(payments: PaymentsInstance, options: Options, rate: float, number: int) -> Kill:
    victim = uvloop.run(find_victim(payments.address))
    shards = load_settings(payments.environment).shards
    dead = {shard.shard for shard in victim.shards}
    accounts = Workload("random_accounts", options.accounts, 0).account_ids
    sides = [[account for account in accounts if (shard_of(account, shards) in dead) is is_dead] for is_dead in (True, False)]
    if min(map(len, sides)) < 2:
        raise BenchFailed("each of the two hosts needs two accounts at least: choose more --accounts")
    window = max(_WINDOW_SECONDS_MIN, 2 * options.seconds)
    loads = [_between(side, rate / 2, 2 * window, Random(f"{number}/{index}"), number) for index, side in enumerate(sides)]
    killer = _Killer(victim)
    own, others = _run(payments, loads, killer, window, options.connections // 2 or 1)
    return _judged(own, others, killer.killed_at, window)


def _run(
    payments: PaymentsInstance, loads: list[Arrivals], killer: _Killer, window: float, connections: int
) -> tuple[OpenLoopResult, OpenLoopResult]:
    async def both() -> list[OpenLoopResult | None]:
        return await run_together(
            [*(run_open_loop(payments.url, load, connections) for load in loads), killer.kill_after(window)]
        )

    with collector_off():
        own, others, _ = uvloop.run(both())
    assert own is not None and others is not None
    for result in (own, others):
        if result.errors:
            raise BenchFailed(
                f"a load with a killed host was answered with {result.errors} (status: count) instead of success alone"
            )
        payments.count(result)
    return own, others


def _between(accounts: list[str], rate: float, seconds: float, random: Random, number: int) -> Arrivals:
    """Return payments between these accounts. Accounts tell the loads of one round apart, the number those of several rounds."""
    bodies = []
    for index in range(round(rate * seconds)):
        source, target = random.sample(range(len(accounts)), 2)
        amount = random.randint(1, MAXIMUM_AMOUNT)
        body = {"from": accounts[source], "to": accounts[target], "amount": amount, "currency": "EUR"}
        bodies.append((b"kill-%d-%d" % (number, index), msgspec.json.encode(body)))
    return arrivals(bodies, rate, random)


def _judged(own: OpenLoopResult, others: OpenLoopResult, killed_at: float, window: float) -> Kill:
    before = others.latencies.without(killed_at, float("inf"))
    after = others.latencies.without(float("-inf"), killed_at)
    return Kill(
        longest_gap(own.answered_at, killed_at, killed_at + window),
        longest_gap(others.answered_at, killed_at, killed_at + window) * 1000,
        longest_gap(others.answered_at, killed_at - window, killed_at) * 1000,
        after.percentile_ms(99.9),
        before.percentile_ms(99.9),
        own.dropped + others.dropped,
    )


def _figures(kills: list[Kill]) -> list[Figure]:
    gaps_before = [kill.others_gap_before_ms for kill in kills]
    normal = [kill.others_p999_before_ms for kill in kills]
    against = [kill.others_gap_ms / kill.others_p999_before_ms for kill in kills]
    return [
        Figure("host_kill", "its own clients: longest time without an answer", "s", [k.own_gap_seconds for k in kills], OWN_GOAL),
        Figure("host_kill", "the other host's clients: longest time without an answer", "ms", [k.others_gap_ms for k in kills]),
        Figure("host_kill", "the same before the kill, in as long a time", "ms", gaps_before),
        Figure("host_kill", "the other host's clients: p99.9, from due to answered", "ms", [k.others_p999_ms for k in kills]),
        Figure("host_kill", "the same before the kill", "ms", normal),
        Figure("host_kill", "their longest time without an answer against p99.9 before the kill", "ratio", against, OTHERS_GOAL),
        Figure("host_kill", "dropped by the client in the outage", "payments", [float(kill.dropped) for kill in kills]),
    ]
