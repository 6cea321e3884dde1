"""The PostgreSQL peers keep the same promises as ours, or they could not be compared; and the comparison yields its table."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import asyncpg
import msgspec
import pytest
import uvloop
from click.testing import CliRunner

from loadtests.bench.failure import BenchFailed
from loadtests.peers.books import CURRENCY, Books
from loadtests.peers.command import peers
from loadtests.peers.postgres_peers import NAMES
from loadtests.peers.server import serving
from loadtests.peers.services.application import PATH
from loadtests.peers.services.pool import DATABASE_URL
from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.client.reply import Reply

ACCOUNTS = ("a", "b", "c", "d")
BALANCE = 100
Asked = tuple[str, str, str, int, str]
"""Key, payer, payee, amount, currency."""


@pytest.fixture
def books(database_url: str) -> Books:
    """Return books in which every account has 100 and may not fall below 0."""
    made = Books(database_url)
    uvloop.run(made.create())
    uvloop.run(made.begin(ACCOUNTS, BALANCE, 0))
    return made


@pytest.fixture(params=NAMES)
def url(request: pytest.FixtureRequest, books: Books) -> Iterator[str]:
    """Return the URL of a peer that keeps these books."""
    with serving(request.param, {DATABASE_URL: books.database_url}) as served:
        yield served


async def pay_all(url: str, payments: Sequence[Asked]) -> list[Reply]:
    """Send payments at once, each on a connection of its own; return the answers in order."""

    async def pay(key: str, payer: str, payee: str, amount: int, currency: str) -> Reply:
        body = {"from": payer, "to": payee, "amount": amount, "currency": currency}
        async with Connection(parse_address(url)) as connection:
            return await connection.post(PATH, msgspec.json.encode(body), key.encode())

    return await asyncio.gather(*(pay(*payment) for payment in payments))


def pay(url: str, *payment: str | int) -> tuple[int, str]:
    """Send one payment; return the status, and the payment's id or the reason of the refusal."""
    [reply] = uvloop.run(pay_all(url, [msgspec.convert(payment, Asked)]))
    answer = msgspec.json.decode(reply.body)
    return reply.status, answer["id"] if reply.status == 201 else answer["code"]


def test_a_peer_makes_each_payment_once_and_refuses_what_ours_refuses(url: str, books: Books) -> None:
    made = pay(url, "first", "a", "b", 60, CURRENCY)
    assert made[0] == 201
    assert pay(url, "first", "a", "b", 60, CURRENCY) == made
    assert pay(url, "first", "a", "b", 61, CURRENCY) == (422, "idempotency_key_reused")
    assert pay(url, "second", "a", "b", 60, CURRENCY) == (422, "insufficient_funds")
    assert pay(url, "second", "a", "nobody", 1, CURRENCY) == (422, "account_not_found")
    assert pay(url, "second", "a", "b", 1, "USD") == (422, "currency_mismatch")
    assert pay(url, "second", "a", "a", 1, CURRENCY) == (422, "same_account")
    # A refusal has left nothing behind, and the first payment is found although it could not be made again.
    assert pay(url, "second", "b", "a", 160, CURRENCY)[0] == 201
    assert pay(url, "third", "a", "c", 200, CURRENCY)[0] == 201
    assert pay(url, "first", "a", "b", 60, CURRENCY) == made
    uvloop.run(books.check(["first", "second", "third"]))


def test_a_peer_under_races_spends_no_money_twice_and_answers_equal_keys_alike(url: str, books: Books) -> None:
    spending: list[Asked] = [(f"spend-{number}", "a", "bcd"[number % 3], 10, CURRENCY) for number in range(24)]
    crossing: list[Asked] = [(f"cross-{number}", *("bc" if number % 2 else "cb"), 1, CURRENCY) for number in range(16)]
    same: list[Asked] = [("same", "d", "b", 5, CURRENCY)] * 8
    replies = uvloop.run(pay_all(url, [*spending, *crossing, *same]))
    assert Counter(reply.status for reply in replies[:24]) == {201: 10, 422: 14}
    assert {reply.status for reply in replies[24:]} == {201}
    assert len({reply.body for reply in replies[40:]}) == 1
    paid = [key for (key, *_), reply in zip(spending, replies, strict=False) if reply.status == 201]
    uvloop.run(books.check([*paid, *(key for key, *_ in crossing), "same"]))


def test_a_request_without_a_key_or_with_a_bad_body_is_refused_by_a_peer(url: str, books: Books) -> None:
    async def send(body: bytes, key: bytes | None) -> int:
        async with Connection(parse_address(url)) as connection:
            return (await connection.post(PATH, body, key)).status

    good = b'{"from":"a","to":"b","amount":1,"currency":"EUR"}'
    assert uvloop.run(send(good, None)) == 422
    assert uvloop.run(send(good.replace(b"1", b"-1"), b"key")) == 422
    uvloop.run(books.check([]))


def test_payments_in_one_call_have_the_outcomes_that_they_have_one_by_one(books: Books) -> None:
    random = Random(1)
    outcomes: Counter[str | None] = Counter()
    for _ in range(40):
        calls = [random_payments(random) for _ in range(3)]
        together = uvloop.run(outcomes_of(books, calls, is_one_by_one=False))
        assert together == uvloop.run(outcomes_of(books, calls, is_one_by_one=True))
        outcomes.update(refusal for _, refusal in together[0])
    # Both roads were taken, with every kind of outcome.
    assert outcomes.keys() == {
        None, "insufficient_funds", "idempotency_key_reused", "account_not_found", "currency_mismatch", "same_account"
    }  # fmt: skip


def random_payments(random: Random) -> list[Asked]:
    """Return a few payments. Each thing that can be refused occurs in some calls, alone or with others, and in some calls none."""
    key_count, amount_max = random.choice((1_000, 1_000, 4)), random.choice((5, 5, 80))
    currencies, accounts = (
        random.choice((["EUR"], ["EUR"], ["EUR", "USD"])),
        random.choice((ACCOUNTS, ACCOUNTS, (*ACCOUNTS, "x"))),
    )
    draw = random.choice((random.sample, random.sample, lambda population, k: random.choices(population, k=k)))
    asked: list[Asked] = []
    for _ in range(random.randint(1, 6)):
        payer, payee = draw(accounts, 2)
        key = f"{key_count}-{random.randrange(key_count)}"
        asked.append((key, payer, payee, random.randint(1, amount_max), random.choice(currencies)))
    return asked


async def outcomes_of(
    books: Books, calls: Sequence[Sequence[Asked]], is_one_by_one: bool
) -> tuple[list[tuple[str | None, str | None]], list[tuple[str, int]]]:
    """Return, on fresh books, each payment's outcome as (the key of the payment that was made, refusal), and the balances."""
    await books.begin(ACCOUNTS, BALANCE, 0)
    connection = await asyncpg.connect(books.database_url)
    try:
        rows = []
        for call in calls:
            for part in [[asked] for asked in call] if is_one_by_one else [call]:
                if is_one_by_one:
                    rows += await connection.fetch("SELECT * FROM make_payment($1, $2, $3, $4, $5)", *part[0])
                else:
                    rows += await connection.fetch("SELECT * FROM make_payments($1, $2, $3, $4, $5)", *zip(*part, strict=True))
        keys = dict(await connection.fetch("SELECT id, idempotency_key FROM payments"))
        balances = [tuple(row) for row in await connection.fetch("SELECT id, balance FROM accounts ORDER BY id")]
    finally:
        await connection.close()
    await books.check(list(keys.values()))
    return [(keys.get(row["payment_id"]), row["refusal"]) for row in rows], balances


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE accounts SET balance = balance + 1 WHERE id = 'a'",
        "UPDATE entries SET amount = amount + 1 WHERE account_id = 'b' AND payment_id <> 0",
        "DELETE FROM outbox",
        "DELETE FROM entries WHERE payment_id <> 0",
        "UPDATE payments SET idempotency_key = 'another'",
    ],
)
def test_wrong_books_are_noticed(books: Books, tampering: str) -> None:
    async def tamper() -> None:
        connection = await asyncpg.connect(books.database_url)
        await connection.fetch("SELECT make_payment('key', 'a', 'b', 10, 'EUR')")
        await books.check(["key"])
        await connection.execute(tampering)
        await connection.close()

    uvloop.run(tamper())
    with pytest.raises(BenchFailed, match="a peer's books are wrong"):
        uvloop.run(books.check(["key"]))


def test_a_payment_that_was_never_acknowledged_or_is_missing_is_noticed(books: Books) -> None:
    with pytest.raises(BenchFailed, match="1 acknowledged payments are missing"):
        uvloop.run(books.check(["lost"]))


@pytest.mark.slow
def test_the_comparison_yields_a_table_with_ratios(open_folder: Path) -> None:
    report = open_folder / "report.json"
    options = ["--rounds", "1", "--seconds", "0.3", "--connections", "4", "--accounts", "50", "--only", "group_commit,empty"]
    done = CliRunner().invoke(peers, [*options, "--json", str(report)])
    assert done.exit_code == 0, done.output
    assert "money audit:" in done.output
    figures = {figure["name"]: figure for figure in msgspec.json.decode(report.read_bytes())["figures"]}
    assert all(sample > 0 for figure in figures.values() for sample in figure["samples"])
    ours, theirs = (figures[f"{side}, random accounts"]["median"] for side in ("ours", "group_commit"))
    assert figures["ours to group_commit, random accounts"]["median"] == pytest.approx(ours / theirs)
    assert {"ours to empty, random accounts", "p99, ours to group_commit, one hot account"} <= figures.keys()
    assert "set_based" not in str(sorted(figures))
