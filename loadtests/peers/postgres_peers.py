"""The three PostgreSQL peers behind HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvloop

from loadtests.bench.payments_instance import SINGLES_A_SECOND_MAX, run_load
from loadtests.peers.books import Books
from loadtests.peers.options import PeerName, PeerOptions
from loadtests.peers.sample import HOT, RANDOM, Loads, Sample, Side, sample_of
from loadtests.peers.server import serving
from loadtests.peers.services.pool import DATABASE_URL
from loadtests.workload import Shape, Workload
from processor.client.load import run_single

NAMES: tuple[PeerName, ...] = ("plain", "procedure", "group_commit")
SHAPES: dict[str, Shape] = {RANDOM: "random_accounts", HOT: "one_hot_account"}
WARM_UP_SECONDS = 1.0


def side(name: PeerName, books: Books, options: PeerOptions) -> Side:
    """Return one of the peers, to be measured on these books."""
    return Side(name, partial(_open, name, books, options))


@contextmanager
def _open(name: PeerName, books: Books, options: PeerOptions) -> Iterator[Loads]:
    with serving(name, {DATABASE_URL: books.database_url}) as url:
        _load(url, books, options, "random_accounts", min(WARM_UP_SECONDS, options.seconds))
        yield {load: partial(_load, url, books, options, shape, options.seconds) for load, shape in SHAPES.items()}


def _load(url: str, books: Books, options: PeerOptions, shape: Shape, seconds: float) -> Sample:
    """Load the peer once, on empty books, and check them. Raises BenchFailed."""
    workload = Workload(shape, options.accounts, 1)
    uvloop.run(books.begin(workload.account_ids))
    bodies = workload.singles(round(seconds * SINGLES_A_SECOND_MAX) + 1)
    result = run_load(run_single(url, bodies, options.connections, seconds=seconds))
    # Requests go out in order, and a load ends when each has its answer.
    uvloop.run(books.check([key.decode() for key, _ in bodies[: result.count]]))
    return sample_of(result)
