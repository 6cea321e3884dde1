"""Lists of payments: what each must show, against rules in plain Python over the same rows, and at what cost."""

from collections.abc import AsyncIterator
from random import Random

import asyncpg
import pytest

from loadtests.bench.read_model import make_read_model
from processor.core.ids import Place
from processor.core.messages import Leg, PaymentStatus
from processor.local.postgres import EmbeddedPostgres
from processor.projections import payment_query
from processor.projections.cursors import BadCursor, write_cursor
from processor.projections.payment_filters import BadFilter, PaymentFilters
from processor.projections.payment_list import Listed, read_payments
from processor.projections.reader import PAGE_MAX, ProjectionReader
from processor.projections.snapshots import SCHEMA, Snapshots
from tests.contract.projection_rows import Row, insert_payments, payment

pytestmark = pytest.mark.anyio

STATUSES: tuple[PaymentStatus, ...] = ("succeeded", "held", "voided", "expired", "partially_refunded", "refunded")
ACCOUNTS = ("anna", "bert", "cora", "dora", "shop")
ROWS_READ = "SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables"


@pytest.fixture(scope="module")
async def large_read_model(postgres_server: EmbeddedPostgres, anyio_backend: str) -> AsyncIterator[str]:
    """A database with 100,000 payments. Large amounts, and `era`, are found in the oldest 1,000 alone."""
    session = await asyncpg.connect(postgres_server.dsn)
    await session.execute("CREATE DATABASE large_read_model")
    url = postgres_server.dsn.rpartition("/")[0] + "/large_read_model"
    await make_read_model(url, 100_000)
    filler = await asyncpg.connect(url, server_settings={"search_path": SCHEMA})
    oldest = "at <= (SELECT at FROM payments ORDER BY at OFFSET 999 LIMIT 1)"
    await filler.execute(f"""UPDATE payments SET amount = 1000000000, metadata = '{{"era": "old"}}' WHERE {oldest}""")
    await filler.execute("CLUSTER payments USING payments_pkey")  # The changed rows go back to where the old ones lay.
    await filler.execute("VACUUM (ANALYZE) payments")  # From then on an index alone tells which rows are visible.
    await filler.close()
    yield url
    await session.execute("DROP DATABASE large_read_model WITH (FORCE)")
    await session.close()


def random_payment(number: int, random: Random) -> Row:
    currencies = random.choice((["EUR"], ["EUR"], ["USD"], ["EUR", "CHF"]))
    legs = []
    for _ in range(random.choice((1, 1, 1, 2, 3)) if len(currencies) == 1 else 3):
        source, target = random.sample(ACCOUNTS, 2)
        legs.append(Leg(source, target, random.randint(2, 50), random.choice(currencies)))
    return payment(
        number,
        legs,
        random.choice(STATUSES),
        reference=random.choice((None, "order-1", "order-2")),
        metadata=random.choice((None, {"channel": "web"}, {"channel": "web", "till": "7"}, {"channel": "app", "till": "7"})),
        travels=random.random() < 0.1,
    )


def random_filters(random: Random) -> PaymentFilters:
    """Return some filters together, so few that most lists have something in them."""
    all_filters: dict[str, object] = {
        "account": random.choice(ACCOUNTS),
        "status": random.choice(STATUSES),
        "reference": random.choice(("order-1", "order-2")),
        "currency": random.choice(("EUR", "USD", "CHF")),
        "created_gte": random.randint(1_000, 1_080),
        "created_lt": random.randint(1_020, 1_100),
        "amount_gte": random.randint(2, 60),
        "amount_lte": random.randint(20, 100),
        "metadata": random.choice(({"channel": "web"}, {"till": "7"}, {"channel": "web", "till": "7"})),
    }
    chosen = random.sample(sorted(all_filters), random.choice((0, 1, 1, 2, 2, 3)))
    return PaymentFilters(**{name: all_filters[name] for name in chosen})  # type: ignore[arg-type]


async def read_all(reader: ProjectionReader, filters: PaymentFilters, limit: int) -> list[Listed]:
    """Read page after page; all but the last must be full."""
    page = await reader.payments(filters, None, limit)
    found = list(page.payments)
    while page.next_cursor is not None:
        assert len(page.payments) == limit
        page = await reader.payments(filters, page.next_cursor, limit)
        found += page.payments
    return found


@pytest.mark.parametrize("window_payments", [0, 20, payment_query.WINDOW_PAYMENTS])
async def test_every_list_is_what_its_filters_say_newest_first_on_pages_of_any_size(
    reader: ProjectionReader, projections: asyncpg.Connection, window_payments: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payment_query, "WINDOW_PAYMENTS", window_payments)
    monkeypatch.setattr(payment_query, "SCATTERED_WINDOW_PAYMENTS", window_payments // 2)
    random = Random(3)
    rows = [random_payment(number, random) for number in range(300)]
    await insert_payments(projections, rows)
    await projections.execute("ANALYZE")
    newest_first = sorted(rows, key=lambda row: row.place, reverse=True)
    found_rows = 0
    for _ in range(150):
        filters, limit = random_filters(random), random.choice((1, 7, 50, 1_000))
        expected = [row.listed for row in newest_first if row.fits(filters)]
        assert await read_all(reader, filters, limit if len(expected) < 40 else 50) == expected, filters
        found_rows += len(expected)
    assert found_rows > 1_500  # Else the filters have left nothing to compare.


@pytest.mark.parametrize(
    "asked",
    [
        {}, {"account": "account-1"}, {"reference": "order-3"}, {"status": "held"}, {"currency": "CHF"},
        {"amount_gte": 10}, {"amount_gte": 99_000}, {"amount_gte": 10**8}, {"amount_gte": 10**13},
        {"account": "account-1", "amount_gte": 10**8}, {"currency": "EUR", "amount_gte": 10**8},
        {"metadata": {"channel": "web"}}, {"metadata": {"campaign": "spring"}}, {"metadata": {"era": "old"}},
        {"metadata": {"no": "such"}}, {"account": "account-1", "metadata": {"era": "old"}},
    ],
)  # fmt: skip
async def test_no_filter_makes_a_list_read_the_whole_table(large_read_model: str, asked: dict[str, object]) -> None:
    snapshots = await Snapshots.create(large_read_model)
    async with snapshots.snapshot() as connection:
        await read_payments(connection, PaymentFilters(**asked), None, 25)  # type: ignore[arg-type]
        assert await connection.fetchval(ROWS_READ) < 1.5 * payment_query.WINDOW_PAYMENTS
    await snapshots.close()


async def test_a_payment_of_an_account_on_both_sides_of_its_legs_is_listed_once(
    reader: ProjectionReader, projections: asyncpg.Connection
) -> None:
    row = payment(0, [Leg("anna", "bert", 5, "EUR"), Leg("bert", "anna", 7, "EUR")])
    await insert_payments(projections, [row])
    for account in ("anna", "bert"):
        assert (await reader.payments(PaymentFilters(account=account), None, 10)).payments == [row.listed]


async def test_what_is_paid_in_between_shifts_no_later_page(reader: ProjectionReader, projections: asyncpg.Connection) -> None:
    rows = [payment(number, [Leg("anna", "bert", 5, "EUR")]) for number in range(10)]
    await insert_payments(projections, rows)
    filters = PaymentFilters(account="anna")
    first = await reader.payments(filters, None, 4)
    await insert_payments(projections, [payment(number, [Leg("anna", "bert", 5, "EUR")]) for number in range(10, 14)])
    second = await reader.payments(filters, first.next_cursor, 100)
    newest_first = sorted((row.place for row in rows), reverse=True)
    places = [Place(at=one.view.at, shard=one.shard, sequence=one.view.sequence, index=one.view.index) for one in
              first.payments + second.payments]  # fmt: skip
    assert places == newest_first


async def test_a_full_last_page_has_no_cursor(reader: ProjectionReader, projections: asyncpg.Connection) -> None:
    await insert_payments(projections, [payment(number, [Leg("anna", "bert", 5, "EUR")]) for number in range(4)])
    assert (await reader.payments(PaymentFilters(), None, 4)).next_cursor is None
    assert (await reader.payments(PaymentFilters(), None, 3)).next_cursor is not None


async def test_a_cursor_is_refused_with_other_filters_or_another_list(
    reader: ProjectionReader, projections: asyncpg.Connection
) -> None:
    await insert_payments(projections, [payment(number, [Leg("anna", "bert", 5, "EUR")]) for number in range(4)])
    filters = PaymentFilters(metadata={"a": "1", "b": "2"})
    cursor = (await reader.payments(PaymentFilters(), None, 2)).next_cursor
    for other in (PaymentFilters(account="anna"), PaymentFilters(created_gte=1), filters):
        with pytest.raises(BadCursor, match="send `next_cursor` unchanged"):
            await reader.payments(other, cursor, 2)
    with pytest.raises(BadCursor):
        await reader.statement("anna", 0, 9, cursor, 2)
    # The order of the pairs is not part of what was asked.
    same = PaymentFilters(metadata={"b": "2", "a": "1"})
    assert (await reader.payments(same, write_cursor(("payments", filters), (9, 0, 1, 0)), 2)).payments == []


@pytest.mark.parametrize("cursor", ["", "x", "é", "====", "AAAA", "a" * 500])
async def test_what_is_no_cursor_is_refused(reader: ProjectionReader, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await reader.payments(PaymentFilters(), cursor, 2)


@pytest.mark.parametrize("place", [(1, 2, 3), (1, 2, 3, -1), (1, 2, 3, 2**63), (1, 2, 3, 4, 5)])
async def test_a_doctored_place_is_refused(reader: ProjectionReader, place: tuple[int, ...]) -> None:
    with pytest.raises(BadCursor):
        await reader.payments(PaymentFilters(), write_cursor(("payments", PaymentFilters()), place), 2)


async def test_a_place_beyond_every_column_begins_a_list_at_its_newest(
    reader: ProjectionReader, projections: asyncpg.Connection
) -> None:
    await insert_payments(projections, [payment(0, [Leg("anna", "bert", 5, "EUR")])])
    cursor = write_cursor(("payments", PaymentFilters()), (2**63 - 1,) * 4)
    assert len((await reader.payments(PaymentFilters(), cursor, 2)).payments) == 1


@pytest.mark.parametrize(
    "filters", [{"reference": "a\0b"}, {"metadata": {"k": "\ud800"}}, {"metadata": {"\0": "v"}}, {"amount_gte": 2**63}]
)
def test_a_filter_that_the_database_cannot_be_asked_is_refused_in_one_line(filters: dict[str, object]) -> None:
    with pytest.raises(BadFilter, match=r"^(reference|metadata|amount_gte): "):
        PaymentFilters(**filters)  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [0, -1, PAGE_MAX + 1])
async def test_a_page_has_a_limit(reader: ProjectionReader, limit: int) -> None:
    with pytest.raises(ValueError, match="limit: use 1 to 1,000"):
        await reader.payments(PaymentFilters(), None, limit)
