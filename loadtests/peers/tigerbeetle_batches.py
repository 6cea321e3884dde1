"""TigerBeetle through its Python client, without HTTP: the largest batches, from two processes, two of them under way in each.

The transfers are built inside the loop, since building them is part of what a Python program pays.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from random import Random
from time import monotonic

import tigerbeetle
import uvloop

from loadtests.bench.failure import BenchFailed
from loadtests.peers.books import CURRENCY
from loadtests.peers.sample import Sample
from loadtests.peers.services.tigerbeetle_names import CLUSTER, CODE, LEDGERS, id_of
from loadtests.peers.tigerbeetle_books import BATCH_MAX
from loadtests.workload import MAXIMUM_AMOUNT, Workload
from processor.client.latencies import Latencies
from processor.client.together import run_together

PROCESSES = 2
IN_FLIGHT = 2
_READY_SECONDS = 60.0
_Calls = list[tuple[float, float]]
"""When each call was sent, in monotonic seconds, and how long it took."""


def measure(address: str, accounts: int, seconds: float) -> Sample:
    """Load the replica from both processes at once. Raises BenchFailed."""
    context = get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    with ProcessPoolExecutor(PROCESSES, context, _Worker.prepare, (barrier,)) as pool:
        running = [pool.submit(_drive, address, accounts, seconds, number) for number in range(PROCESSES)]
        calls = [call for worker in running for call in worker.result()]
    latencies = Latencies()
    for started, took in calls:
        latencies.add(started, took)
    begin, end = min(started for started, _ in calls), max(started + took for started, took in calls)
    return Sample(len(calls) * BATCH_MAX / (end - begin), latencies.percentile_ms(50), latencies.percentile_ms(99))


class _Worker:
    """What a worker process is told before its work."""

    barrier: Barrier

    @classmethod
    def prepare(cls, barrier: Barrier) -> None:
        cls.barrier = barrier


def _drive(address: str, accounts: int, seconds: float, number: int) -> _Calls:
    """In a worker process: send batches for so long; return the calls."""
    ids = [id_of(account) for account in Workload("random_accounts", accounts, 0).account_ids]
    _Worker.barrier.wait(_READY_SECONDS)
    return uvloop.run(_send(address, ids, Random(number), seconds))


async def _send(address: str, ids: list[int], random: Random, seconds: float) -> _Calls:
    calls: _Calls = []
    async with tigerbeetle.ClientAsync(cluster_id=CLUSTER, replica_addresses=address) as client:
        stop_at = monotonic() + seconds

        async def drive() -> None:
            while (started := monotonic()) < stop_at:
                results = await client.create_transfers([_transfer(ids, random) for _ in range(BATCH_MAX)])
                if any(result.status is not tigerbeetle.CreateTransferStatus.CREATED for result in results):
                    raise BenchFailed("TigerBeetle did not make every transfer of a batch")
                calls.append((started, monotonic() - started))

        await run_together(drive() for _ in range(IN_FLIGHT))
    return calls


def _transfer(ids: list[int], random: Random) -> tigerbeetle.Transfer:
    first = random.randrange(len(ids))
    # Two different places out of n: the second is any but the first.
    source, target = ids[first], ids[first - random.randrange(1, len(ids))]
    amount = random.randrange(1, MAXIMUM_AMOUNT + 1)
    return tigerbeetle.Transfer(
        id=tigerbeetle.id(),
        debit_account_id=source,
        credit_account_id=target,
        amount=amount,
        ledger=LEDGERS[CURRENCY],
        code=CODE,
    )
