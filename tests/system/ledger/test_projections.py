"""The read model of a ledger with everything in it: it says what the journal says, of any instant, and can be made anew."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest

from processor.core import events as e
from processor.core.routing import shard_of
from processor.core.shard import Shard
from processor.journal.record import Record
from processor.projections.entry_list import BalancesAt
from processor.projections.reader import ProjectionReader
from tests.system.instance import Instance
from tests.system.ledger.api import Api
from tests.system.ledger.books import Books
from tests.system.ledger.conftest import SHARD_HOSTS, SHARDS
from tests.system.ledger.hosts import owned_shards, wait_until_spread
from tests.system.ledger.journal_reading import database_url, execute, fetch, read_records, read_tables
from tests.system.ledger.life_books import LifeBooks
from tests.system.ledger.life_load import LifeLoad
from tests.system.ledger.waiting import wait_until

ANSWERS = 800
INSTANTS = 1_000
INSTANTS_BY_HTTP = 50

Balances = tuple[int, int, int]


class Instant(msgspec.Struct, frozen=True):
    """A moment (microseconds) in an account's past, and its balances (posted, pending_out, pending_in) after it."""

    account: str
    at: int
    balances: Balances


@pytest.fixture(scope="module")
def lives(shared_instance: Instance) -> LifeBooks:
    """Payments with every kind of life on the shared instance, all of it over and in order."""
    wait_until_spread(shared_instance, SHARD_HOSTS)
    lived = LifeBooks(Books(shared_instance))
    with LifeLoad(lived) as load:
        load.wait_for_answers(ANSWERS)
    lived.check()
    return lived


def has_caught_up(instance: Instance) -> bool:
    """Return whether the tables have taken in all of the journal."""
    positions = fetch(database_url(instance), "SELECT shard, sequence FROM projections.positions ORDER BY shard")
    return positions == [(shard.shard, shard.sequence) for shard in owned_shards(instance)]


def test_balances_at_random_instants_are_those_of_a_replay_up_to_then(
    shared_instance: Instance, lives: LifeBooks, api: Api
) -> None:
    wait_until(lambda: has_caught_up(shared_instance), "the tables have caught up")
    url = database_url(shared_instance)
    instants = [
        instant
        for records in read_records(url, SHARDS)
        for instant in replayed_instants(records, lives.books.accounts, Random(7))
    ]
    found = asyncio.run(read_balances(url, instants))
    assert {(i.account, i.at): i.balances for i in instants} == {
        (i.account, i.at): b for i, b in zip(instants, found, strict=True)
    }
    assert len(instants) >= INSTANTS
    assert any(out for _, out, _ in found)
    for instant in Random(8).sample(instants, INSTANTS_BY_HTTP):
        body = api.get(f"/v1/accounts/{instant.account}", params={"at": iso_time(instant.at)}).json()
        assert (body["posted"], body["pending_out"], body["pending_in"]) == instant.balances


def replayed_instants(records: list[Record], accounts: list[str], random: Random) -> Iterator[Instant]:
    """Yield instants of the accounts on a shard since the last of them was opened, with the balances that a replay comes to."""
    number = records[0].shard
    ours = [account for account in accounts if shard_of(account, SHARDS) == number]
    state, times = Shard(number, SHARDS), [record.at for record in records]
    replayed = 0

    def replay(until: int) -> None:
        nonlocal replayed
        while replayed < len(records) and records[replayed].at <= until:
            record = records[replayed]
            state.replay(record.sequence, record.at, e.decode_events(record.payload))
            replayed += 1

    while not all(account in state.accounts for account in ours):
        replay(times[replayed])
    first, last = times[replayed - 1], times[-1]
    # Any microsecond, and the very ones at which something happened.
    later = [at for at in times if at >= first]
    chosen = [random.choice(later) if random.random() < 0.5 else random.randint(first, last) for _ in range(INSTANTS // SHARDS)]
    for at in sorted(chosen):
        replay(at)
        account = state.accounts[random.choice(ours)]
        yield Instant(account.id, at, (account.posted, account.pending_out, account.pending_in))


async def read_balances(url: str, instants: list[Instant]) -> list[Balances]:
    """Return what the read model says of the instants."""
    reader = await ProjectionReader.connect(url)
    try:
        return [_balances(await reader.balances_at(instant.account, instant.at)) for instant in instants]
    finally:
        await reader.close()


def _balances(answer: BalancesAt) -> Balances:
    found = answer.balances
    return (found.posted, found.pending_out, found.pending_in) if found is not None else (0, 0, 0)


def iso_time(at: int) -> str:
    """Return the time as the API wants it."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")


def test_a_rebuild_makes_the_same_rows_again_while_reads_go_on(shared_instance: Instance, lives: LifeBooks, api: Api) -> None:
    url = database_url(shared_instance)
    wait_until(lambda: has_caught_up(shared_instance), "the tables have caught up")
    before = read_tables(url)
    read, spoilt = lives.books.accounts[:2]
    paths = [
        f"/v1/payments?account={read}&limit=50",
        f"/v1/accounts/{read}/entries?limit=50",
        f"/v1/accounts/{read}/statement?to={iso_time(max(record[-1].at for record in read_records(url, SHARDS)) + 1)}",
    ]
    expected = [api.get(path).json() for path in paths]
    # Only rows that are really made anew can be right again.
    assert execute(url, "UPDATE projections.entries SET amount = amount + 1 WHERE account = $1", spoilt) != "UPDATE 0"
    with ThreadPoolExecutor(1) as pool:
        rebuild = pool.submit(shared_instance.run, "projections", "rebuild")
        while True:
            is_over = rebuild.done()
            assert [api.get(path).json() for path in paths] == expected
            if is_over:
                break
    assert rebuild.result().returncode == 0, rebuild.result().stdout + rebuild.result().stderr
    wait_until(lambda: has_caught_up(shared_instance), "the tables have caught up again")
    after = read_tables(url)
    assert after.keys() == before.keys()
    for table in before.keys() - {"positions"}:
        assert after[table] == before[table], table
    assert min(len(before[table]) for table in ("payments", "entries", "outcomes", "payment_accounts")) > 50
    goes_on(lives, api)


def goes_on(lives: LifeBooks, api: Api) -> None:
    """Assert that what happens now gets into the new tables too."""
    payer, payee = lives.books.accounts[:2]
    paid = api.submit("after", {"from": lives.books.world, "to": payee, "amount": 1, "currency": "EUR"})
    assert paid.status_code == 201, paid.text
    token = {"Consistency-Token": paid.headers["Consistency-Token"]}
    newest = api.get("/v1/payments", params={"account": payee, "limit": 1}, headers=token).json()["data"][0]
    assert newest["id"] == paid.json()["id"]
    assert api.get(f"/v1/payments?account={payer}&limit=1").json()["data"]
