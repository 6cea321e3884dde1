"""The projector: which rows the journal's events make, once each, whatever happens on the way."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from processor.core import events as e
from processor.core.ensure import Broken
from processor.core.messages import Kind, Leg
from processor.core.shard import OPEN, unpack_outcome
from processor.journal.interface import JournalCorrupt, JournalUnavailable
from processor.journal.postgres.link import DEFAULT_TIMEOUTS
from processor.journal.postgres.readers import Readers
from processor.projections.lag import read_lag
from processor.projections.projector import Overtaken, Projector
from processor.projections.rows import decode_legs
from processor.projections.schema import (
    RebuildUnderWay,
    known_version,
    prepare_projections,
    present_version,
    rebuild_projections,
)
from processor.projections.upkeep import keep_projections
from tests.contract.ledgers import PostgresLedger
from tests.contract.postgres_sessions import end_sessions, until_somebody_waits_for_a_lock
from tests.contract.projected import Projected, catch_up
from tests.contract.story import FINGERPRINT, key

pytestmark = pytest.mark.anyio

ONE_RECORD_EACH = 1


@pytest.fixture
async def projected(database_url: str, anyio_backend: str) -> AsyncIterator[Projected]:
    """A ledger with its story, and empty projections."""
    ledger = PostgresLedger(database_url)
    projected = await Projected.tell(ledger, database_url)
    assert await prepare_projections(database_url)
    yield projected
    await projected.session.close()
    await ledger.close()


def nothing_to_show(read: int, records: int) -> None:
    """Take a rebuild's progress."""


async def test_the_story_holds_every_kind_of_event(projected: Projected) -> None:
    told = {type(event) for of in projected.story.records.values() for record in of for event in e.decode_events(record.payload)}
    assert told == set(e.AnyEvent.__args__)  # type: ignore[attr-defined]


async def test_balances_after_the_newest_lines_are_those_of_the_shards(projected: Projected) -> None:
    await catch_up(projected.dsn)
    replayed = [account for shard in (0, 1) for account in projected.story.replayed(shard).accounts.values()]
    expected = {account.id: (account.posted, account.pending_out, account.pending_in) for account in replayed}
    assert {account: (await projected.lines(account))[-1][2:] for account in expected} == expected
    rows = await projected.session.fetch("SELECT account, status, pending_out, pending_in FROM projections.accounts")
    assert {tuple(row) for row in rows} == {(a.id, a.status, a.pending_out, a.pending_in) for a in replayed}


async def test_outcomes_are_those_that_the_shards_remember(projected: Projected) -> None:
    await catch_up(projected.dsn)
    replayed = projected.story.replayed(0)
    remembered = replayed.earlier | replayed.outcomes
    final = {key: outcome for key, outcome in remembered.items() if unpack_outcome(outcome)[5] != OPEN}
    assert len(final) == len(remembered) - 1  # "under way" is open
    assert {(row[0], row[2]) for row in await projected.rows("outcomes")} == set(final.items())


async def test_every_line_of_an_account_is_there_with_what_made_it(projected: Projected) -> None:
    await catch_up(projected.dsn)
    payment, capture, refund, hold, expiry = Kind.PAYMENT, Kind.CAPTURE, Kind.REFUND, Kind.HOLD, Kind.EXPIRY
    assert await projected.lines("b") == [
        (payment, 10, 10, 0, 0),
        (payment, 5, 15, 0, 0), (payment, -3, 12, 0, 0),  # the payment of several legs
        (payment, 1, 13, 0, 0),  # the exchange
        (hold, 0, 13, 0, 30), (capture, 10, 23, 0, 20), (capture, 15, 38, 0, 0),
        (refund, -5, 33, 0, 0), (Kind.REVERSAL, -20, 13, 0, 0),
        (hold, 0, 13, 0, 4), (expiry, 0, 13, 0, 0),
        (payment, 0, 13, 3, 0), (payment, -3, 10, 0, 0),  # between hosts
        (refund, -4, 6, 0, 0),  # of the first payment
        (hold, 0, 6, 0, 9),
    ]  # fmt: skip
    assert (await projected.lines("c"))[2:] == [
        (hold, 0, 23, 0, 7), (Kind.VOID, 0, 23, 0, 0),
        (payment, 6, 29, 0, 0),  # between hosts, decided here
        (payment, 0, 29, 0, 2), (payment, 2, 31, 0, 0),  # between hosts, with a vote
        (hold, 0, 31, 0, 8), (capture, 8, 39, 0, 0), (refund, -3, 36, 0, 0),
        (payment, 0, 36, 0, 1), (payment, 0, 36, 0, 0),  # given up
        (hold, 0, 36, 0, 1),  # under way
    ]  # fmt: skip


async def test_all_lines_about_a_payment_name_its_place(projected: Projected) -> None:
    await catch_up(projected.dsn)
    counts = await projected.session.fetch(
        "SELECT payment_at, payment_shard, payment_sequence, payment_index, count(*) FROM projections.entries GROUP BY 1, 2, 3, 4"
    )
    lines = {tuple(row)[:4]: row["count"] for row in counts}
    places = projected.story.places
    assert {name: lines.pop(tuple(places[name])) for name in places if name != "far refund"} == {
        "paid": 4, "paid out": 2, "legs": 4, "exchange": 4, "hold": 10, "voided": 4, "expired": 4, "short": 3, "long": 8,
        "far hold": 7, "no answer": 2, "refused far": 2, "given up": 6, "open hold": 2, "under way": 3,
    }  # fmt: skip
    assert lines == {}


async def test_payments_stand_as_their_newest_events_say(projected: Projected) -> None:
    await catch_up(projected.dsn, ONE_RECORD_EACH)
    expected: dict[str, tuple[object, ...]] = {
        "paid": ("partially_refunded", [0], [10], [4]),
        "paid out": ("succeeded", None, None, None),
        "hold": ("refunded", [0], [25], [25]),
        "voided": ("voided", [0], [0], [0]),
        "expired": ("expired", [0], [0], [0]),
        "short": ("succeeded", None, None, None),
        "long": ("succeeded", None, None, None),
        "far hold": ("partially_refunded", [0], [8], [3]),
        "open hold": ("held", [9], [0], [0]),
    }
    stand = {}
    for name in expected:
        row = await projected.payment(name)
        assert row is not None
        stand[name] = (row["status"], row["held"], row["captured"], row["refunded"])
    assert stand == expected


async def test_payments_that_did_not_come_about_or_still_travel_have_no_row(projected: Projected) -> None:
    await catch_up(projected.dsn)
    for name in ("no answer", "refused far", "given up", "under way"):
        assert await projected.payment(name) is None
    assert len(await projected.rows("payments")) == 11


async def test_a_payment_of_several_legs_tells_what_they_share(projected: Projected) -> None:
    await catch_up(projected.dsn)
    long, exchange = await projected.payment("long"), await projected.payment("exchange")
    assert long is not None
    assert (long["from_account"], long["to_account"], long["amount"], long["currency"]) == (None, None, 5, "EUR")
    assert decode_legs(long["legs"]) == (Leg("a", "c", 2, "EUR"), Leg("b", "d", 3, "EUR"))
    assert exchange is not None
    assert (exchange["amount"], exchange["currency"]) == (None, None)
    places = {tuple(row)[1:]: row[0] for row in await projected.rows("payment_accounts")}
    assert set(places) == {tuple(projected.story.places[name]) for name in ("legs", "exchange", "long")}
    currencies = [(row[0], row[1:]) for row in await projected.rows("payment_currencies")]
    assert currencies == [(code, tuple(projected.story.places["exchange"])) for code in ("EUR", "USD")]


async def test_only_transfers_under_way_are_kept(projected: Projected) -> None:
    await catch_up(projected.dsn)
    assert [row[:3] for row in await projected.rows("transfers")] == [(0, 0, 9), (1, 0, 9)]


async def test_rows_do_not_depend_on_how_records_are_batched(projected: Projected) -> None:
    await catch_up(projected.dsn)
    at_once = await projected.everything()
    await projected.session.execute("DROP SCHEMA projections CASCADE")
    await prepare_projections(projected.dsn)
    projector = Projector(projected.dsn, batch_bytes=ONE_RECORD_EACH)
    while await projector.step():
        await projector.close()  # What it remembers is read from the tables before every record.
    await projector.close()
    assert await projected.everything() == at_once


async def test_of_two_projectors_the_slower_one_changes_nothing_and_goes_on_after_the_other(projected: Projected) -> None:
    slower, faster = (Projector(projected.dsn, batch_bytes=ONE_RECORD_EACH) for _ in range(2))
    await slower.step()
    await faster.step()
    before = await projected.everything()
    with pytest.raises(Overtaken):
        await slower.step()
    assert await projected.everything() == before
    await slower.step()
    assert sum(row[1] for row in await projected.rows("positions")) == 3
    await slower.close()
    await faster.close()


async def test_two_projectors_at_once_make_every_row_once(projected: Projected) -> None:
    await rebuild_projections(projected.dsn, nothing_to_show)
    expected = await projected.everything()
    await projected.session.execute("DROP SCHEMA projections CASCADE")
    await prepare_projections(projected.dsn)

    async def project() -> int:
        projector, overtaken = Projector(projected.dsn, batch_bytes=ONE_RECORD_EACH), 0
        while True:
            try:
                if not await projector.step():
                    await projector.close()
                    return overtaken
            except Overtaken:
                overtaken += 1

    assert sum(await asyncio.gather(project(), project())) > 0
    assert await projected.everything() == expected


async def test_a_transaction_that_is_cut_off_is_made_again(projected: Projected) -> None:
    blocker = await asyncpg.connect(projected.dsn)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("LOCK TABLE projections.outcomes IN EXCLUSIVE MODE")
    projector = Projector(projected.dsn)
    cut_off = asyncio.create_task(projector.step())
    await until_somebody_waits_for_a_lock(projected.session)
    assert await end_sessions(projected.session, "COPY%") == 1
    with pytest.raises(JournalUnavailable):
        await cut_off
    await transaction.rollback()
    await blocker.close()
    assert await projected.rows("entries") == []
    await projector.catch_up()
    await projector.close()
    once = await projected.everything()
    await rebuild_projections(projected.dsn, nothing_to_show)
    assert await projected.everything() == once


async def test_a_rebuild_gives_the_same_rows_and_the_projector_goes_on(projected: Projected) -> None:
    projector = Projector(projected.dsn, batch_bytes=ONE_RECORD_EACH)
    await projector.catch_up()
    before = await projected.everything()
    await rebuild_projections(projected.dsn, nothing_to_show)
    assert await projected.everything() == before
    await projected.story.add(0, e.Refused(key("after the rebuild"), FINGERPRINT, 7, 0))
    assert await projector.step()
    await projector.close()
    assert len(await projected.rows("outcomes")) == len(before["outcomes"]) + 1
    schemas = await projected.session.fetch("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'projections%'")
    assert [row["nspname"] for row in schemas] == ["projections"]


async def test_a_projector_that_waits_while_the_schemas_are_exchanged_is_overtaken(projected: Projected) -> None:
    projector = Projector(projected.dsn, batch_bytes=ONE_RECORD_EACH)
    await projector.step()
    exchange = projected.session.transaction()
    await exchange.start()
    await projected.session.execute("DELETE FROM projections.projection")
    step = asyncio.create_task(projector.step())
    watcher = await asyncpg.connect(projected.dsn)
    await until_somebody_waits_for_a_lock(watcher)
    await watcher.close()
    await exchange.commit()
    with pytest.raises(Overtaken):
        await step
    assert sum(row[1] for row in await projected.rows("positions")) == 1


async def test_rebuilding_is_for_one_at_a_time(projected: Projected) -> None:
    second: list[asyncio.Task[None]] = []

    def begin_another(read: int, records: int) -> None:
        if not second:
            second.append(asyncio.create_task(rebuild_projections(projected.dsn, nothing_to_show)))

    blocker = projected.session.transaction()
    await blocker.start()
    await projected.session.execute("LOCK TABLE projections.projection IN EXCLUSIVE MODE")  # The exchange waits for this.
    first = asyncio.create_task(rebuild_projections(projected.dsn, begin_another))
    watcher = await asyncpg.connect(projected.dsn)
    await until_somebody_waits_for_a_lock(watcher)
    with pytest.raises(RebuildUnderWay, match="wait until"):
        await second[0]
    await blocker.rollback()
    await first
    await watcher.close()


async def test_what_serves_is_read_until_the_new_tables_take_its_place(projected: Projected) -> None:
    await catch_up(projected.dsn)
    before = await projected.everything()
    counts: list[asyncio.Task[int]] = []

    async def count() -> int:
        session = await asyncpg.connect(projected.dsn)
        found: int = await session.fetchval("SELECT count(*) FROM projections.entries")
        await session.close()
        return found

    await rebuild_projections(projected.dsn, lambda read, records: counts.append(asyncio.create_task(count())))
    assert counts
    assert {await task for task in counts} == {len(before["entries"])}


async def test_a_rebuild_that_was_cut_off_does_not_hinder_the_next(projected: Projected) -> None:
    await projected.session.execute("CREATE SCHEMA projections_next; CREATE TABLE projections_next.payments ()")
    await rebuild_projections(projected.dsn, nothing_to_show)
    assert len(await projected.rows("payments")) == 11


async def until_nothing_is_behind(readers: Readers) -> None:
    """Wait until all records are projected."""
    while any(lag.records for lag in await read_lag(readers)):
        pass


async def test_projecting_goes_on_after_the_connection_was_lost(projected: Projected) -> None:
    readers = await Readers.create(projected.dsn, DEFAULT_TIMEOUTS)
    projector = Projector(projected.dsn)
    running = asyncio.create_task(projector.run(share=1.0))
    await until_nothing_is_behind(readers)
    while not await end_sessions(projected.session, "%journal_records.sequence > position.after%"):
        pass  # It is at another statement just now.
    await projected.story.add(0, e.Refused(key("after the loss"), FINGERPRINT, 7, 0))
    await until_nothing_is_behind(readers)
    running.cancel()
    await asyncio.wait([running])
    await projector.close()
    await readers.close()
    assert key("after the loss") in {row[0] for row in await projected.rows("outcomes")}


async def test_upkeep_makes_tables_that_are_missing_and_replaces_those_of_another_version(projected: Projected) -> None:
    for spoil in ("UPDATE projections.projection SET version = 'another'", "DROP SCHEMA projections CASCADE"):
        await projected.session.execute(spoil)
        upkeep = asyncio.create_task(keep_projections(projected.dsn, share=1.0))
        while await present_version(projected.dsn) != known_version():
            assert not upkeep.done()
        readers = await Readers.create(projected.dsn, DEFAULT_TIMEOUTS)
        await until_nothing_is_behind(readers)
        upkeep.cancel()
        await asyncio.wait([upkeep])
        await readers.close()
        assert len(await projected.rows("payments")) == 11


async def test_upkeep_ends_where_the_journal_contradicts_the_tables(projected: Projected) -> None:
    await projected.story.add(0, e.Refused(key("paid"), FINGERPRINT, 7, 0))
    with pytest.raises(Broken, match="there already"):
        await keep_projections(projected.dsn, share=1.0)


async def test_tables_of_another_version_are_known_and_replaced(projected: Projected) -> None:
    await projected.session.execute("UPDATE projections.projection SET version = 'another'")
    assert not await prepare_projections(projected.dsn)
    await rebuild_projections(projected.dsn, nothing_to_show)
    assert await prepare_projections(projected.dsn)


async def test_a_key_with_two_outcomes_stops_the_projector(projected: Projected) -> None:
    await catch_up(projected.dsn)
    await projected.story.add(0, e.Refused(key("paid"), FINGERPRINT, 7, 0))
    before = await projected.everything()
    with pytest.raises(Broken, match="there already"):
        await catch_up(projected.dsn)
    assert await projected.everything() == before


async def test_a_change_of_a_payment_that_was_never_made_stops_the_projector(projected: Projected) -> None:
    await catch_up(projected.dsn)
    at, sequence, index = projected.story.of("paid")
    await projected.story.write(0, e.Refunded(
        at, sequence + 1, index, key("of nothing"), FINGERPRINT, Kind.REFUND, (1,), (0,), (1,), (1,), "refunded", None, (), ()
    ))  # fmt: skip
    with pytest.raises(Broken, match="every row to be changed is there"):
        await catch_up(projected.dsn)


async def test_a_damaged_record_is_not_projected(projected: Projected) -> None:
    await projected.session.execute("UPDATE payments.journal_records SET frame = frame || 'x' WHERE shard = 0 AND sequence = 3")
    with pytest.raises(JournalCorrupt, match="shard 0, sequence 3"):
        await catch_up(projected.dsn)


async def test_lag_tells_records_and_seconds_of_each_shard(projected: Projected) -> None:
    readers = await Readers.create(projected.dsn, DEFAULT_TIMEOUTS)
    behind = await read_lag(readers)
    heads = {shard: len(records) for shard, records in projected.story.records.items()}
    assert [(lag.position, lag.head, lag.records) for lag in behind] == [
        (0, heads[0], heads[0]), (0, heads[1], heads[1]), (0, 0, 0), (0, 0, 0),
    ]  # fmt: skip
    assert [lag.seconds > 0 for lag in behind] == [True, True, False, False]
    await catch_up(projected.dsn)
    assert [(lag.records, lag.seconds) for lag in await read_lag(readers)] == [(0, 0.0)] * 4
    await readers.close()
