"""FastAPI in front of TigerBeetle, and TigerBeetle by itself with large batches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count

from loadtests.bench.payments_instance import SINGLES_A_SECOND_MAX, run_load
from loadtests.peers import tigerbeetle_batches
from loadtests.peers.options import PeerOptions
from loadtests.peers.postgres_peers import SHAPES, WARM_UP_SECONDS
from loadtests.peers.sample import LARGEST_BATCHES, Loads, Sample, Side, sample_of
from loadtests.peers.server import serving
from loadtests.peers.services.tigerbeetle_names import ADDRESS
from loadtests.peers.tigerbeetle_books import TigerBeetleBooks
from loadtests.peers.tigerbeetle_replica import running_replica
from loadtests.workload import Shape, Workload
from processor.client.load import run_single

NAME = "tigerbeetle"
# Its Python client, not the replica, is the limit: two processes make a quarter more than one.
WORKERS = 2


def side(options: PeerOptions) -> Side:
    """Return the peer as a side."""
    return Side(NAME, partial(_open, options))


@contextmanager
def _open(options: PeerOptions) -> Iterator[Loads]:
    with running_replica() as address:
        books = TigerBeetleBooks(address, Workload("random_accounts", options.accounts, 0).account_ids)
        books.open_accounts()
        with serving("over_tigerbeetle", {ADDRESS: address}, WORKERS) as url:
            seeds = count(1)
            load = partial(_load, url, books, options, lambda: next(seeds))
            load("random_accounts", min(WARM_UP_SECONDS, options.seconds))
            loads = {name: partial(load, shape, options.seconds) for name, shape in SHAPES.items()}
            batches = partial(tigerbeetle_batches.measure, address, options.accounts, options.seconds)
            yield {**loads, LARGEST_BATCHES: batches}
        books.check([])


def _load(
    url: str, books: TigerBeetleBooks, options: PeerOptions, seed: Callable[[], int], shape: Shape, seconds: float
) -> Sample:
    bodies = Workload(shape, options.accounts, seed()).singles(round(seconds * SINGLES_A_SECOND_MAX) + 1)
    result = run_load(run_single(url, bodies, options.connections, seconds=seconds))
    books.check([key.decode() for key, _ in bodies[: result.count]])
    return sample_of(result)
