"""The batch peer, without HTTP: the set-based procedure, 1,000 payments a call, over one or two connections."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import monotonic

import asyncpg
import msgspec
import uvloop

from loadtests.bench.collector import collector_off
from loadtests.bench.failure import BenchFailed
from loadtests.peers.books import Books
from loadtests.peers.options import PeerOptions
from loadtests.peers.postgres_peers import WARM_UP_SECONDS
from loadtests.peers.sample import Loads, Sample, Side, sample_of
from loadtests.workload import Workload
from processor.client.latencies import Latencies
from processor.client.load import LoadResult
from processor.client.together import run_together

NAME = "set_based"
CONNECTIONS = (1, 2)
CALL_PAYMENTS = 1_000
CALLS_A_SECOND_MAX = 60
"""More than any machine of this size reaches: so many are made beforehand."""

_CALL = "SELECT count(*) FROM make_payments($1, $2, $3, $4, $5) WHERE refusal IS NULL"


class _Body(msgspec.Struct, rename={"payer": "from", "payee": "to"}, frozen=True):
    payer: str
    payee: str
    amount: int
    currency: str


Columns = tuple[list[str], list[str], list[str], list[int], list[str]]
"""Of one call: keys, payers, payees, amounts, currencies."""

_decode = msgspec.json.Decoder(_Body).decode


def load_name(connections: int) -> str:
    """Return what the load over so many connections is called."""
    return f"calls of {CALL_PAYMENTS:,}, {connections} connection{'s' if connections > 1 else ''}"


def side(books: Books, options: PeerOptions) -> Side:
    """Return the peer, to be measured on these books."""
    return Side(NAME, partial(_open, books, options))


@contextmanager
def _open(books: Books, options: PeerOptions) -> Iterator[Loads]:
    _load(books, options, 1, min(WARM_UP_SECONDS, options.seconds))
    yield {load_name(number): partial(_load, books, options, number, options.seconds) for number in CONNECTIONS}


def _load(books: Books, options: PeerOptions, connections: int, seconds: float) -> Sample:
    """Load the procedure once, on empty books, and check them. Raises BenchFailed."""
    workload = Workload("random_accounts", options.accounts, 1)
    uvloop.run(books.begin(workload.account_ids))
    calls = columns_of(workload.singles((round(seconds * CALLS_A_SECOND_MAX) + connections) * CALL_PAYMENTS))
    with collector_off():
        result = uvloop.run(_run(books.database_url, calls, connections, seconds))
    uvloop.run(books.check([key for columns in calls[: len(result.latencies)] for key in columns[0]]))
    return sample_of(result)


def columns_of(bodies: Sequence[tuple[bytes, bytes]]) -> list[Columns]:
    """Return the payments, given as (idempotency key, body), as the arguments of calls."""
    calls = []
    for start in range(0, len(bodies), CALL_PAYMENTS):
        part = bodies[start : start + CALL_PAYMENTS]
        asked = [_decode(body) for _, body in part]
        keys, payers, payees = [key.decode() for key, _ in part], [body.payer for body in asked], [body.payee for body in asked]
        calls.append((keys, payers, payees, [body.amount for body in asked], [body.currency for body in asked]))
    return calls


async def _run(database_url: str, calls: Sequence[Columns], connections: int, seconds: float) -> LoadResult:
    opened = [await asyncpg.connect(database_url) for _ in range(connections)]
    waiting, latencies = deque(calls), Latencies()
    begin = monotonic()

    async def drive(connection: asyncpg.Connection) -> int:
        count = 0
        while waiting and (started := monotonic()) < begin + seconds:
            columns = waiting.popleft()
            accepted = await connection.fetchval(_CALL, *columns)
            if accepted != len(columns[0]):
                raise BenchFailed(f"set_based: {accepted:,} of {len(columns[0]):,} payments of a call were accepted")
            latencies.add(started, monotonic() - started)
            count += accepted
        return count

    try:
        counts = await run_together(drive(connection) for connection in opened)
        return LoadResult(begin, sum(counts), {}, 0, monotonic() - begin, latencies)
    finally:
        await asyncio.gather(*(connection.close() for connection in opened))
