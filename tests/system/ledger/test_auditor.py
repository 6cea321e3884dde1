"""The auditor of a running instance: it follows the journal, compares, and writes down what it finds."""

from collections.abc import Iterator

import msgspec
import pytest

from tests.system.instance import Instance
from tests.system.ledger.books import Books
from tests.system.ledger.conftest import SHARD_HOSTS, SHARDS
from tests.system.ledger.hosts import owned_shards, wait_until_spread
from tests.system.ledger.journal_reading import database_url, execute, fetch
from tests.system.ledger.life_books import LifeBooks
from tests.system.ledger.life_load import LifeLoad
from tests.system.ledger.waiting import wait_until

ANSWERS = 200
SHARD = 1


class Audit(msgspec.Struct, frozen=True):
    """A shard's row of payments.audits."""

    shard: int
    since: int
    sequence: int
    compared: int
    divergence: str | None


def audits(instance: Instance) -> list[Audit]:
    """Return how far the auditor is with each shard."""
    statement = "SELECT shard, since, sequence, compared, divergence FROM payments.audits ORDER BY shard"
    return [Audit(*row) for row in fetch(database_url(instance), statement)]  # type: ignore[arg-type]


@pytest.fixture
def restored(shared_instance: Instance) -> Iterator[None]:
    """Make the read model anew after the test."""
    yield
    assert shared_instance.run("projections", "rebuild").returncode == 0


def test_the_auditor_follows_the_journal_and_tells_of_a_changed_balance(
    shared_instance: Instance, books: Books, restored: None
) -> None:
    wait_until_spread(shared_instance, SHARD_HOSTS)
    lives = LifeBooks(books)
    with LifeLoad(lives) as load:
        load.wait_for_answers(ANSWERS)
    lives.check()
    before = {audit.shard: audit.compared for audit in audits(shared_instance)}
    assert before.keys() == set(range(SHARDS))
    heads = [shard.sequence for shard in owned_shards(shared_instance)]

    def has_followed() -> bool:
        found = audits(shared_instance)
        is_there = all(audit.sequence >= head for audit, head in zip(found, heads, strict=True))
        return is_there and all(audit.compared > before[audit.shard] for audit in found)

    wait_until(has_followed, "every shard's journal was read to its end, and accounts compared")
    assert [audit.divergence for audit in audits(shared_instance)] == [None] * SHARDS
    # Its last bit turned over: some accounts hold so much that no more can be written.
    other = """UPDATE projections.entries SET posted = posted # 1 WHERE (account, at, sequence, line) IN (
        SELECT DISTINCT ON (account) account, at, sequence, line
        FROM projections.entries JOIN projections.accounts USING (account)
        WHERE shard = $1 ORDER BY account, at DESC, sequence DESC, line DESC)"""
    assert execute(database_url(shared_instance), other, SHARD) != "UPDATE 0"
    wait_until(lambda: audits(shared_instance)[SHARD].divergence, "the divergence is written down")
    found = [audit.divergence for audit in audits(shared_instance)]
    assert found.count(None) == SHARDS - 1
    told = found[SHARD]
    assert told is not None
    assert told.startswith(f"shard {SHARD}, record ")
    assert "the read model has account" in told
