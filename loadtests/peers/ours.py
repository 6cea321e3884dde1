"""Our own side: a whole instance, for its turn only, with the money audit at the end of each."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial

from loadtests.bench.audit import audit
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Say
from loadtests.peers.options import PeerOptions
from loadtests.peers.postgres_peers import SHAPES, WARM_UP_SECONDS
from loadtests.peers.sample import BATCHES, Loads, Sample, Side, sample_of

NAME = "ours"
BATCH_PAYMENTS, BATCH_CONNECTIONS = 1_000, 2


def side(loads: Collection[str], options: PeerOptions, say: Say) -> Side:
    """Return our side, to be measured under these loads."""
    return Side(NAME, partial(_open, loads, options, say))


@contextmanager
def _open(loads: Collection[str], options: PeerOptions, say: Say) -> Iterator[Loads]:
    with PaymentsInstance(options, say) as payments:
        offered = {load: partial(_load, payments, load) for load in (*SHAPES, BATCHES) if load in loads}
        next(iter(offered.values()))(min(WARM_UP_SECONDS, options.seconds))
        yield {name: partial(load, options.seconds) for name, load in offered.items()}
        say(audit(payments))


def _load(payments: PaymentsInstance, load: str, seconds: float) -> Sample:
    if load == BATCHES:
        return sample_of(payments.batches(BATCH_PAYMENTS, BATCH_CONNECTIONS, seconds))
    return sample_of(payments.singles(SHAPES[load], seconds))
