"""Layer `replay`: a journal in PostgreSQL is written by the commit loop, then read back into memory without snapshots."""

from random import Random
from time import perf_counter

import uvloop

from loadtests.bench.collector import collector_as_in_a_host
from loadtests.bench.database import own_ledger
from loadtests.bench.failure import BenchFailed
from loadtests.bench.figure import Figure, Goal
from loadtests.bench.loop_over_journal import LoopOverJournal, require_accepted
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say, Side, alternate
from loadtests.bench.traffic import account_ids, openings, payments
from processor.journal.postgres import PostgresJournal, PostgresShardMap
from processor.recovery import recover

GOAL = Goal("less than", 10)
SHARDS = 8
BATCH_MESSAGES = 5_000


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures. The goal is for a journal of 1,000,000 payments: with another size it is left out."""
    with own_ledger(SHARDS) as url:
        seconds = uvloop.run(_write(url, options))
        say(f"wrote {options.size:,} payments into the journal in {seconds:.1f} s")
        name = f"{options.size:,} payments on {SHARDS} shards, from PostgreSQL"
        samples = alternate([Side(name, lambda: uvloop.run(_replay(url, options.size)))], options.rounds, say)
    written = Figure("replay", "written by the commit loop before, without HTTP", "payments/s", [options.size / seconds])
    return [Figure("replay", name, "s", samples[name], GOAL if options.size == 1_000_000 else None), written]


async def _write(url: str, options: Options) -> float:
    """Fill the journal; return the seconds that it took."""
    ids = account_ids(options.accounts)
    prepared = list(payments(ids, SHARDS, options.size, BATCH_MESSAGES, Random(1)))
    journal, shard_map = await PostgresJournal.connect(url), await PostgresShardMap.connect(url)
    try:
        async with LoopOverJournal(journal, shard_map) as host:
            require_accepted(await host.submit_all(list(openings(ids, SHARDS, BATCH_MESSAGES))), len(ids))
            with collector_as_in_a_host():
                started = perf_counter()
                answers = await host.submit_all(prepared)
                seconds = perf_counter() - started
        require_accepted(answers, options.size)
        return seconds
    finally:
        await journal.close()
        await shard_map.close()


async def _replay(url: str, expected: int) -> float:
    """Recover one shard after the other, as a host does; return the seconds."""
    journal = await PostgresJournal.connect(url)
    try:
        with collector_as_in_a_host():
            started = perf_counter()
            shards = [(await recover(journal, shard, from_snapshot=False))[0] for shard in range(SHARDS)]
            seconds = perf_counter() - started
    finally:
        await journal.close()
    remembered = sum(len(shard.outcomes) for shard in shards)
    if remembered != expected:
        raise BenchFailed(f"the replay found {remembered:,} of {expected:,} payments")
    return seconds
