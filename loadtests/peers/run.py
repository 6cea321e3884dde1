"""Running the comparison: ours and the peers in turns, each alone on the machine, and figures of what was found."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

import uvloop

from loadtests.bench.database import own_ledger
from loadtests.bench.figure import Figure
from loadtests.bench.rounds import Say
from loadtests.peers import empty, ours, postgres_peers, set_based
from loadtests.peers.books import Books
from loadtests.peers.figures import COMPARISONS, figures_of
from loadtests.peers.options import PeerName, PeerOptions
from loadtests.peers.rounds import alternate
from loadtests.peers.sample import BATCHES, RANDOM, Side
from loadtests.peers.tigerbeetle_replica import obstacle
from processor.local.failure import CannotStart

_VERSIONS = ("fastapi", "starlette", "pydantic")


def measure(options: PeerOptions, say: Say) -> tuple[list[Figure], list[str]]:
    """Return the figures, and notes on how they came about.

    Raises BenchFailed if any side's books are wrong after a load or a side could not be measured, and what starting PostgreSQL, Ray
    or an instance raises: CannotStart, Unreachable, NoInstance.
    """
    peers, notes = _measurable(options, say)
    with _database(peers) as books:
        samples = alternate(_sides(peers, books, options, say), options.rounds, say)
    versions = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    notes.append(f"peers: {versions}; one server process each (in front of TigerBeetle: two); each side alone on the machine")
    notes.append(
        "books: each peer's after every load, ours after every turn: sums, balances, one payment for each acknowledged key"
    )
    return figures_of(samples), notes


def _measurable(options: PeerOptions, say: Say) -> tuple[Sequence[PeerName], list[str]]:
    """Return the peers that can be measured here, and why another one cannot. One that was named must be measured."""
    peers, reason = options.peers, obstacle()
    if "tigerbeetle" not in peers or reason is None:
        return peers, []
    if options.only:
        raise CannotStart(f"tigerbeetle cannot be measured: {reason}")
    note = f"tigerbeetle is left out: {reason}"
    say(note)
    return [name for name in peers if name != "tigerbeetle"], [note]


@contextmanager
def _database(peers: Sequence[PeerName]) -> Iterator[Books | None]:
    """Give the peers' books on a server made, set and found durable just like one of ours; None if no peer needs them."""
    if not {*postgres_peers.NAMES, set_based.NAME} & set(peers):
        yield None
        return
    with own_ledger(1) as url:
        books = Books(url)
        uvloop.run(books.create())
        yield books


def _sides(peers: Sequence[PeerName], books: Books | None, options: PeerOptions, say: Say) -> list[Side]:
    loads = {comparison.load for comparison in COMPARISONS if comparison.peer in peers}
    if empty.NAME in peers:
        loads.add(RANDOM)
    # Singles and batches on an instance each: what batches leave for the projections to do would slow singles down.
    sides = [ours.side(offered, options, say) for offered in (loads - {BATCHES}, loads & {BATCHES}) if offered]
    if books is not None:
        sides += [postgres_peers.side(name, books, options) for name in postgres_peers.NAMES if name in peers]
    if "tigerbeetle" in peers:
        from loadtests.peers import tigerbeetle_peer  # Only here, because its client need not be installed.

        sides.append(tigerbeetle_peer.side(options))
    if empty.NAME in peers:
        sides.append(empty.side(options))
    if books is not None and set_based.NAME in peers:
        sides.append(set_based.side(books, options))
    return sides
