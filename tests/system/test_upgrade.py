"""The upgrade: a second Ray cluster on the same database, shards and clients pass to it, the first one goes, and nobody notices.

What `deploy/kuberay/upgrade.md` says to do in a Kubernetes cluster, with two instances in the place of KubeRay's two clusters.
"""

import asyncio
from collections.abc import Callable, Iterator
from random import Random

import pytest
import uvloop

from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.client.outcome import Outcome, outcome_of
from processor.client.post import Post
from processor.clock import now_microseconds
from processor.journal.interface import Fenced
from processor.journal.postgres import PostgresJournal
from processor.journal.record import Record
from tests.system.instance import Instance
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books, fate_of
from tests.system.ledger.hosts import OwnedShard, wait_until_spread
from tests.system.ledger.payments import Payment, Supply

SHARDS, HOSTS = 4, 2
ANSWERS = 100
TWINS = 20
_RETRY_SECONDS = 60.0


@pytest.fixture
def clusters(database_url: str, new_instance: Callable[..., Instance]) -> Iterator[tuple[Instance, Instance]]:
    """The old cluster, which runs, and the new one, which does not yet; both have one database."""
    old, new = (new_instance(database_url=database_url, shards=SHARDS, shard_hosts=HOSTS) for _ in range(2))
    old.start()
    yield old, new


@pytest.mark.parametrize("is_taken_back", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["forward", "back"])
def test_a_second_cluster_comes_and_one_of_the_two_goes_while_clients_pay(
    clusters: tuple[Instance, Instance], database_url: str, is_taken_back: bool
) -> None:
    """Forward the old one goes; an upgrade that is taken back ends with the new one's going."""
    old, new = clusters
    stays, goes = (old, new) if is_taken_back else (new, old)
    books = Books(old)
    before = wait_until_spread(old, HOSTS)
    assert hosts_in(old, before) == HOSTS
    with load_on(stays, books, "stays") as staying:
        with load_on(goes, books, "goes") as going:
            # Clients of a cluster that is not there yet find nobody, and go on trying.
            (staying if is_taken_back else going).wait_for_answers(ANSWERS)
            new.start()
            together = wait_until_spread(new, 2 * HOSTS)
            assert hosts_in(old, together) == hosts_in(new, together) == HOSTS
            # Either cluster's API reaches either cluster's hosts, and payments travel between them.
            staying.wait_for_answers(ANSWERS)
            going.wait_for_answers(ANSWERS)
            pay_at_both(old, new, books)
        # No client is left at the cluster that goes, which still has half of the shards.
        staying.wait_for_answers(ANSWERS)
        assert goes.stop() == 0, goes.output
        staying.wait_for_answers(ANSWERS)
        after = wait_until_spread(stays, HOSTS)
        staying.wait_for_answers(ANSWERS)
    assert hosts_in(stays, after) == HOSTS
    assert_fenced(database_url, [*before, *together], after)
    books.instance = stays
    books.check()


def load_on(instance: Instance, books: Books, name: str) -> BackgroundLoad:
    """Return clients of one cluster, with payments of their own between the accounts of the books."""
    load = BackgroundLoad(books, Supply(f"{books.world}-{name}", books.accounts, Random(name)).next)
    load.address = parse_address(instance.url)
    return load


def hosts_in(instance: Instance, shards: list[OwnedShard]) -> int:
    """Return how many of the shards' hosts are processes of this cluster."""
    own = {process.pid for process in instance.processes()}
    return len({shard.host for shard in shards if shard.pid in own})


def pay_at_both(old: Instance, new: Instance, books: Books) -> None:
    """Send payments to both clusters at the same moment, as clients do that repeat at the new address what they had sent to the old
    one: each happens once, and both say the same of it."""
    supply = Supply(f"{books.world}-twins", books.accounts, Random("twins"))
    for payment in supply.batch(TWINS):
        first, second = uvloop.run(_at_once([old.url, new.url], payment))
        assert fate_of(first) == fate_of(second)
        assert first.replayed or second.replayed
        books.settle(payment, first)


async def _at_once(urls: list[str], payment: Payment) -> list[Outcome]:
    async def send(url: str) -> Outcome:
        address = parse_address(url)
        post = Post(address, "/v1/payments")
        async with Connection(address, retry_seconds=_RETRY_SECONDS) as connection:
            return outcome_of(await connection.send(post.fill(payment.body(), payment.key.encode())))

    return await asyncio.gather(*(send(url) for url in urls))


def assert_fenced(database_url: str, earlier: list[OwnedShard], after: list[OwnedShard]) -> None:
    """Whoever had a shard in an earlier epoch can write nothing any more, even right after the newest record, and confirm no read."""

    async def try_all() -> int:
        tried = 0
        journal = await PostgresJournal.connect(database_url)
        try:
            for was in earlier:
                if was.epoch == after[was.shard].epoch:
                    continue  # It has stayed where it was.
                tried += 1
                assert was.epoch < after[was.shard].epoch
                head = await journal.head(was.shard)
                late = Record(was.shard, was.epoch, head.sequence + 1, now_microseconds(), head.hash, b"\x90")
                with pytest.raises(Fenced):
                    await journal.append([late])
                with pytest.raises(Fenced):
                    await journal.confirm([(was.shard, was.epoch)])
        finally:
            await journal.close()
        return tried

    assert uvloop.run(try_all()) >= SHARDS // 2
