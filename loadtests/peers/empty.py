"""The limit: bare uvicorn with a handler that reads the body and answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from loadtests.bench.bare_uvicorn import BareUvicorn
from loadtests.bench.payments_instance import SINGLES_A_SECOND_MAX, run_load
from loadtests.peers.options import PeerOptions
from loadtests.peers.postgres_peers import WARM_UP_SECONDS
from loadtests.peers.sample import RANDOM, Loads, Sample, Side, sample_of
from loadtests.workload import Workload
from processor.client.load import run_single

NAME = "empty"


def side(options: PeerOptions) -> Side:
    """Return the limit as a side."""
    return Side(NAME, partial(_open, options))


@contextmanager
def _open(options: PeerOptions) -> Iterator[Loads]:
    with BareUvicorn() as server:
        _load(server.url, options, min(WARM_UP_SECONDS, options.seconds))
        yield {RANDOM: partial(_load, server.url, options, options.seconds)}


def _load(url: str, options: PeerOptions, seconds: float) -> Sample:
    bodies = Workload("random_accounts", options.accounts, 1).singles(round(seconds * SINGLES_A_SECOND_MAX) + 1)
    return sample_of(run_load(run_single(url, bodies, options.connections, seconds=seconds)))
