"""An instance that is stopped, or killed as a whole, and started again on its data folder: the same ledger."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from processor.core.shard import Shard
from processor.journal.postgres import PostgresJournal
from processor.local.postgres import EmbeddedPostgres
from processor.recovery import recover
from tests.system.instance import Instance, new_folder
from tests.system.ledger.api import get
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books

Digests = dict[int, tuple[int, str]]


@pytest.fixture
def own_instance() -> Iterator[Instance]:
    """An instance with a database of its own, for one test alone."""
    instance = Instance(new_folder(), shards=2)
    yield instance.start()
    instance.remove()


def live_digests(instance: Instance) -> Digests:
    """Return the sequence and the digest of every shard's state."""
    answer = get(f"{instance.url}/v1/shards/digests")
    assert answer.status_code == 200, answer.text
    return {row["shard"]: (row["sequence"], row["digest"]) for row in answer.json()["data"]}


def digests_in_journal(instance: Instance, places: Digests) -> Digests:
    """Return what the journal says of the shards' states at the same sequences."""

    async def replay() -> list[Shard]:
        journal = await PostgresJournal.connect(EmbeddedPostgres(instance.data_folder / "postgres").running_dsn())
        try:
            return [(await recover(journal, shard, until))[0] for shard, (until, _) in places.items()]
        finally:
            await journal.close()

    return {state.number: (state.sequence, state.digest().hex()) for state in asyncio.run(replay())}


def test_a_stopped_or_killed_instance_starts_again_with_the_same_ledger(own_instance: Instance) -> None:
    books = Books(own_instance)
    with BackgroundLoad(books) as load:
        load.wait_for_answers(500)
    books.check()
    digests = live_digests(own_instance)
    assert own_instance.stop() == 0

    own_instance.start()
    assert digests_in_journal(own_instance, digests) == digests
    books.check()

    # Now in the middle of everything, and without any warning.
    with BackgroundLoad(books) as load:
        load.wait_for_answers(300)
        own_instance.signal(signal.SIGKILL)
        assert own_instance.wait() == -signal.SIGKILL
        own_instance.start()
        load.wait_for_answers(300)
    books.check()
