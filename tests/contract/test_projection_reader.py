"""Entries, past balances and statements, the views for analysts, and what a reader does when the database fails."""

import asyncio
from datetime import UTC, date, datetime

import asyncpg
import pytest

from processor.core.ids import Place
from processor.core.messages import Kind, Leg
from processor.local.ports import free_port
from processor.projections.entry_list import Balances, EntryLine, LinePlace
from processor.projections.payment_filters import PaymentFilters
from processor.projections.reader import PAGE_MAX, ProjectionReader
from processor.projections.snapshots import SCHEMA, ProjectionSlow, ProjectionUnavailable, Snapshots, read_positions
from tests.contract.postgres_sessions import end_sessions
from tests.contract.projection_rows import (
    Line,
    insert_account,
    insert_lines,
    insert_payments,
    make_schema,
    payment,
    set_position,
)

pytestmark = pytest.mark.anyio

NOON = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000


def lines(count: int, first_at: int = 100) -> list[Line]:
    """Return an account's lines: credits of 10 and debits of 4 in turn, two in each record, two records at an instant."""
    posted, made = 0, []
    for number in range(count):
        amount = 10 if number % 2 == 0 else -4
        posted += amount
        place = LinePlace(first_at + number // 4, 1 + number // 2, number % 2)
        made.append(Line(place, amount, posted, payment=Place(1, 0, 1 + number, 0)))
    return made


def shown(line: Line) -> EntryLine:
    return EntryLine(line.place, line.kind, line.amount, line.posted, line.payment)


async def test_entries_come_newest_first_page_after_page_without_what_moved_no_money(
    reader: ProjectionReader, projections: asyncpg.Connection
) -> None:
    all_lines = lines(23)
    held = Line(LinePlace(104, 9, 5), 0, all_lines[17].posted, Kind.HOLD, pending_out=3)
    await insert_lines(projections, "anna", [*all_lines, held])
    await insert_lines(projections, "bert", lines(3))
    found: list[EntryLine] = []
    before, has_more = None, True
    while has_more:
        page = await reader.entries("anna", before, 5)
        found += page.lines
        before, has_more = page.lines[-1].place, page.has_more
    assert found == [shown(line) for line in reversed(all_lines)]
    assert (await reader.entries("nobody", None, 5)).lines == []


async def test_balances_at_an_instant_are_those_after_its_last_line(
    reader: ProjectionReader, projections: asyncpg.Connection
) -> None:
    await insert_lines(
        projections,
        "anna",
        [
            Line(LinePlace(100, 7, 0), 10, 10),
            Line(LinePlace(100, 7, 1), 0, 10, Kind.HOLD, pending_out=6, pending_in=1),
            Line(LinePlace(100, 8, 0), 5, 15, pending_out=6, pending_in=1),
            Line(LinePlace(200, 9, 0), -6, 9, Kind.CAPTURE),
        ],
    )
    await set_position(projections, 0, 9)
    found = {at: await reader.balances_at("anna", at) for at in (99, 100, 199, 200, 10**15)}
    between = Balances(LinePlace(100, 8, 0), 15, 6, 1)
    end = Balances(LinePlace(200, 9, 0), 9, 0, 0)
    assert {at: answer.balances for at, answer in found.items()} == {99: None, 100: between, 199: between, 200: end, 10**15: end}
    assert all(answer.positions == {0: 9} for answer in found.values())


@pytest.mark.parametrize(
    ("from_at", "to_at"), [(0, 1_000), (100, 101), (101, 103), (103, 200), (0, 100), (106, 1_000), (50, 50), (103, 101)]
)
@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_a_statement_leads_from_its_opening_to_its_closing_balance(
    reader: ProjectionReader, projections: asyncpg.Connection, from_at: int, to_at: int, limit: int
) -> None:
    all_lines = lines(23)
    await insert_lines(projections, "anna", all_lines)
    expected = [line for line in all_lines if from_at <= line.place.at < to_at]
    before = [line for line in all_lines if line.place.at < from_at]
    statement = await reader.statement("anna", from_at, to_at, None, limit)
    first, found = statement, list(statement.lines)
    while statement.next_cursor is not None:
        statement = await reader.statement("anna", from_at, to_at, statement.next_cursor, limit)
        found += statement.lines
        assert (statement.opening, statement.closing, statement.debits, statement.credits) == (
            first.opening, first.closing, first.debits, first.credits,
        )  # fmt: skip
    assert found == [shown(line) for line in expected]
    assert first.opening == (before[-1].posted if before else 0)
    assert first.closing == ([*before, *expected][-1].posted if before or expected else 0)
    assert first.credits == sum(line.amount for line in expected if line.amount > 0)
    assert first.debits == -sum(line.amount for line in expected if line.amount < 0)
    assert first.opening + first.credits - first.debits == first.closing


async def test_what_is_posted_between_two_pages_is_on_none_of_them_and_changes_no_total(
    reader: ProjectionReader, projections: asyncpg.Connection
) -> None:
    all_lines = lines(30)
    await insert_lines(projections, "anna", all_lines[:20])
    first = await reader.statement("anna", 0, 1_000, None, 15)
    await insert_lines(projections, "anna", all_lines[20:])
    second = await reader.statement("anna", 0, 1_000, first.next_cursor, 15)
    assert first.lines + second.lines == [shown(line) for line in all_lines[:20]]
    assert (second.closing, second.debits, second.credits, second.next_cursor) == (60, 40, 100, None)


async def test_a_long_statement_is_streamed_whole_and_is_what_it_was_when_it_began(
    reader: ProjectionReader, projections: asyncpg.Connection
) -> None:
    all_lines = lines(2 * PAGE_MAX + 500)
    await insert_lines(projections, "anna", all_lines[: 2 * PAGE_MAX])
    bounds = await reader.statement_bounds("anna", 101, 10**6)
    await insert_lines(projections, "anna", all_lines[2 * PAGE_MAX :])
    lists = [part async for part in reader.statement_lines(bounds)]
    found = [line for part in lists for line in part]
    assert found == [shown(line) for line in all_lines[4 : 2 * PAGE_MAX]]
    assert max(len(part) for part in lists) == PAGE_MAX
    assert (bounds.opening, bounds.closing) == (12, found[-1].posted)


async def test_a_statement_without_lines_streams_nothing(reader: ProjectionReader, projections: asyncpg.Connection) -> None:
    await insert_lines(projections, "anna", lines(4))
    bounds = await reader.statement_bounds("anna", 500, 600)
    assert [part async for part in reader.statement_lines(bounds)] == []
    assert (bounds.opening, bounds.closing) == (12, 12)


async def test_totals_may_outgrow_64_bits(reader: ProjectionReader, projections: asyncpg.Connection) -> None:
    most = 2**63 - 1
    made = [Line(LinePlace(at, at, 0), most if at % 2 else -most, most * (at % 2)) for at in range(1, 7)]
    await insert_lines(projections, "anna", made)
    statement = await reader.statement("anna", 0, 100, None, 10)
    assert (statement.opening, statement.debits, statement.credits, statement.closing) == (0, 3 * most, 3 * most, 0)


async def test_all_reads_of_a_snapshot_see_the_same_whatever_is_committed_in_between(
    database_url: str, projections: asyncpg.Connection
) -> None:
    snapshots = await Snapshots.create(database_url)
    await set_position(projections, 0, 5)
    async with snapshots.snapshot() as connection:
        assert await read_positions(connection) == {0: 5}
        async with projections.transaction():
            await insert_payments(projections, [payment(0, [Leg("anna", "bert", 5, "EUR")])])
            await set_position(projections, 0, 6)
        assert await connection.fetchval("SELECT count(*) FROM payments") == 0
        assert await read_positions(connection) == {0: 5}
    async with snapshots.snapshot() as connection:
        assert await connection.fetchval("SELECT count(*) FROM payments") == 1
        assert await read_positions(connection) == {0: 6}
    await snapshots.close()


async def test_every_read_tells_the_positions_of_its_snapshot(reader: ProjectionReader, projections: asyncpg.Connection) -> None:
    await set_position(projections, 0, 5)
    await set_position(projections, 3, 7)
    positions = [
        await reader.positions(),
        (await reader.payments(PaymentFilters(), None, 1)).positions,
        (await reader.entries("anna", None, 1)).positions,
        (await reader.balances_at("anna", 1)).positions,
        (await reader.statement("anna", 0, 1, None, 1)).positions,
        (await reader.statement_bounds("anna", 0, 1)).positions,
    ]
    assert positions == [{0: 5, 3: 7}] * 6


async def test_a_reader_cannot_write(database_url: str, projections: asyncpg.Connection) -> None:
    snapshots = await Snapshots.create(database_url)
    with pytest.raises(ProjectionUnavailable, match="read-only transaction"):
        async with snapshots.snapshot() as connection:
            await connection.execute("DELETE FROM positions")
    await snapshots.close()


async def test_a_read_that_takes_too_long_is_given_up_and_says_what_to_do(
    reader: ProjectionReader, projections: asyncpg.Connection
) -> None:
    async with projections.transaction():
        await projections.execute("LOCK TABLE payments")
        with pytest.raises(ProjectionSlow, match="narrow the filter"):
            await reader.payments(PaymentFilters(), None, 1)
    assert (await reader.payments(PaymentFilters(), None, 1)).payments == []


async def test_lost_connections_fail_one_read_and_the_next_one_works(
    reader: ProjectionReader, projections: asyncpg.Connection
) -> None:
    async with projections.transaction():
        await projections.execute("LOCK TABLE positions")
        reading = asyncio.create_task(reader.positions())
        while await projections.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0:
            pass
        assert await end_sessions(projections, "%positions%") == 1
        with pytest.raises(ProjectionUnavailable):
            await reading
    assert await reader.positions() == {}


async def test_a_database_that_is_not_there_or_has_no_projections_is_unavailable(database_url: str) -> None:
    nowhere = f"postgresql://payments:secret@127.0.0.1:{free_port()}/payments"
    for url in (nowhere, database_url, "postgresql://payments:secret@[nonsense/payments"):
        reader = await ProjectionReader.connect(url)
        with pytest.raises(ProjectionUnavailable) as error:
            await reader.positions()
        await reader.close()
        assert "secret" not in str(error.value)
        assert "\n" not in str(error.value)


async def test_a_reader_goes_on_when_a_newly_built_schema_takes_the_old_ones_place(
    reader: ProjectionReader, projections: asyncpg.Connection
) -> None:
    await set_position(projections, 0, 1)
    filters = PaymentFilters(account="anna")
    assert (await reader.payments(filters, None, 1)).payments == []
    async with projections.transaction():
        await projections.execute(f"ALTER SCHEMA {SCHEMA} RENAME TO old")
        await make_schema(projections)
        await insert_payments(projections, [payment(0, [Leg("anna", "bert", 5, "EUR")])])
        await set_position(projections, 0, 9)
        await projections.execute("DROP SCHEMA old CASCADE")
    page = await reader.payments(filters, None, 1)
    assert (len(page.payments), page.positions) == (1, {0: 9})


async def test_the_views_for_analysts_tell_balances_trial_balance_and_daily_totals(projections: asyncpg.Connection) -> None:
    for account, currency, pending_out in (("anna", "EUR", 3), ("bank", "EUR", 0), ("carl", "USD", 0), ("new", "EUR", 0)):
        await insert_account(projections, account, currency, pending_out, opened_at=NOON)
    paid, refunded, other = Place(NOON, 0, 5, 0), Place(NOON, 0, 5, 1), Place(NOON, 1, 5, 0)
    await insert_lines(projections, "anna", [
        Line(LinePlace(NOON, 5, 0), 100, 100, payment=paid),
        Line(LinePlace(NOON, 5, 1), 50, 150, payment=refunded),
        Line(LinePlace(NOON + HOUR, 6, 0), 0, 150, Kind.HOLD, pending_out=3, payment=other),
        Line(LinePlace(NOON + 12 * HOUR, 7, 0), -20, 130, Kind.REFUND, pending_out=3, payment=refunded),
    ])  # fmt: skip
    await insert_lines(projections, "bank", [
        Line(LinePlace(NOON, 5, 0), -100, -100, payment=paid),
        Line(LinePlace(NOON, 5, 1), -50, -150, payment=refunded),
        Line(LinePlace(NOON + 12 * HOUR, 7, 0), 20, -130, Kind.REFUND, payment=refunded),
    ])  # fmt: skip
    await insert_lines(projections, "carl", [Line(LinePlace(NOON + 12 * HOUR - 1, 5, 0), 7, 7, Kind.CAPTURE, payment=other)])

    noon, midnight = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    columns = "account, currency, posted, pending_out, available, opened_at, changed_at"
    assert [tuple(row) for row in await projections.fetch(f"SELECT {columns} FROM balances ORDER BY account")] == [
        ("anna", "EUR", 130, 3, 127, noon, midnight),
        ("bank", "EUR", -130, 0, -130, noon, midnight),
        ("carl", "USD", 7, 0, 7, noon, datetime(2026, 3, 1, 23, 59, 59, 999_999, UTC)),
        ("new", "EUR", 0, 0, 0, noon, None),
    ]
    assert [tuple(row) for row in await projections.fetch("SELECT * FROM trial_balance ORDER BY currency")] == [
        ("EUR", 3, 0, 130, -130),
        ("USD", 1, 7, 7, 0),
    ]
    assert [tuple(row) for row in await projections.fetch("SELECT * FROM daily_totals ORDER BY day, currency")] == [
        (date(2026, 3, 1), "EUR", 2, 150, 0, 0),
        (date(2026, 3, 1), "USD", 1, 7, 0, 0),
        (date(2026, 3, 2), "EUR", 0, 0, 1, 20),
    ]


async def test_every_view_says_what_it_is_for(projections: asyncpg.Connection) -> None:
    described = await projections.fetch(
        "SELECT relname, obj_description(oid) FROM pg_class WHERE relkind = 'v' AND relnamespace = $1::text::regnamespace", SCHEMA
    )
    assert {name for name, text in described if text} == {"balances", "trial_balance", "daily_totals"}
