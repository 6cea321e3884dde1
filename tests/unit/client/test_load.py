"""Loads, batches and accounts against a small ledger behind a real server."""

import asyncio
from collections.abc import Iterator

import pytest

from processor.client.accounts import open_accounts, read_accounts
from processor.client.load import Batch, LoadResult, run_batches, run_single
from processor.client.outcome import Outcome
from processor.client.reply import Reply, UnexpectedAnswer
from tests.small_ledger import Server, SmallLedger


@pytest.fixture
def ledger() -> SmallLedger:
    return SmallLedger()


@pytest.fixture
def url(ledger: SmallLedger) -> Iterator[str]:
    with Server(ledger) as server:
        yield server.url


async def _open(url: str) -> None:
    await open_accounts(url, ["world"], "EUR", None)
    await open_accounts(url, ["shop"], "EUR", 0)


def _body(amount: int) -> bytes:
    return b'{"from":"world","to":"shop","amount":%d,"currency":"EUR"}' % amount


def _batch(first: int, count: int) -> Batch:
    items = [b'{"idempotency_key":"k%d",%b' % (number, _body(1)[1:]) for number in range(first, first + count)]
    return Batch(b'{"payments":[' + b",".join(items) + b"]}", count)


def test_every_single_payment_is_sent_once(url: str, ledger: SmallLedger) -> None:
    seen: dict[int, int] = {}

    def observe(index: int, reply: Reply) -> None:
        seen[index] = reply.status

    async def scenario() -> LoadResult:
        await _open(url)
        return await run_single(url, [(b"k%d" % number, _body(number + 1)) for number in range(200)], 8, observe)

    result = asyncio.run(scenario())
    assert (result.count, result.statuses, result.errors, result.retries) == (200, {201: 200}, {}, 0)
    assert seen == dict.fromkeys(range(200), 201)
    assert ledger.accounts["shop"]["posted"] == sum(range(1, 201))
    assert 0 < result.p50_ms <= result.p99_ms <= result.p999_ms <= result.max_ms


def test_an_answer_that_was_lost_does_not_pay_twice(url: str, ledger: SmallLedger) -> None:
    async def scenario() -> LoadResult:
        await _open(url)
        ledger.faults.extend(["forget", "refuse", "forget", "refuse"])
        return await run_single(url, [(b"k%d" % number, _body(1)) for number in range(20)], 2)

    result = asyncio.run(scenario())
    assert (result.count, result.retries) == (20, 4)
    assert ledger.accounts["shop"]["posted"] == 20


def test_refusals_are_counted_by_status(url: str) -> None:
    async def scenario() -> LoadResult:
        await _open(url)
        body = b'{"from":"shop","to":"world","amount":1,"currency":"EUR"}'
        return await run_single(url, [(b"a", _body(1)), (b"b", body), (b"c", body)], 1)

    result = asyncio.run(scenario())
    assert (result.statuses, result.errors) == ({201: 2, 422: 1}, {422: 1})


def test_a_load_ends_when_its_time_is_over(url: str) -> None:
    async def scenario() -> LoadResult:
        await _open(url)
        return await run_single(url, [(b"k%d" % number, _body(1)) for number in range(100)], 4, seconds=0.0)

    assert asyncio.run(scenario()).count == 0


def test_batches_count_their_payments(url: str, ledger: SmallLedger) -> None:
    async def scenario() -> LoadResult:
        await _open(url)
        return await run_batches(url, [_batch(number * 10, 10) for number in range(7)], 3)

    result = asyncio.run(scenario())
    assert (result.count, result.statuses, len(result.latencies)) == (70, {201: 70}, 7)
    assert ledger.accounts["shop"]["posted"] == 70


def test_only_undecided_items_get_a_later_outcome(url: str, ledger: SmallLedger) -> None:
    seen: list[Outcome] = []

    async def scenario() -> LoadResult:
        await _open(url)
        ledger.faults.extend(["half", "half", "forget"])
        return await run_batches(url, [_batch(0, 10)], 1, lambda index, outcomes: seen.extend(outcomes))

    result = asyncio.run(scenario())
    assert (result.count, result.statuses, result.retries) == (10, {201: 10}, 3)
    assert [outcome.replayed for outcome in seen] == [False, True] * 5
    assert len({outcome.payment_id for outcome in seen}) == 10
    assert ledger.accounts["shop"]["posted"] == 10


def test_a_batch_with_another_number_of_results_is_not_accepted(url: str) -> None:
    async def scenario() -> None:
        await _open(url)
        await run_batches(url, [Batch(_batch(0, 10).body, 11)], 1)

    with pytest.raises(UnexpectedAnswer, match="a batch of 11 payments has 10 results"):
        asyncio.run(scenario())


def test_accounts_open_in_order_and_opening_again_is_as_good(url: str) -> None:
    ids = [f"account-{number}" for number in range(50)]

    async def scenario() -> None:
        assert [account.id for account in await open_accounts(url, ids, "EUR", 0)] == ids
        assert [account.id for account in await open_accounts(url, ids, "EUR", 0)] == ids
        assert [account.id for account in await read_accounts(url, ids[::-1])] == ids[::-1]

    asyncio.run(scenario())


def test_an_account_with_other_terms_is_an_error_that_names_it(url: str) -> None:
    async def scenario() -> None:
        await open_accounts(url, ["taken"], "EUR", 0)
        await open_accounts(url, ["free", "taken"], "USD", 0)

    with pytest.raises(UnexpectedAnswer, match="account taken: 409 account_exists"):
        asyncio.run(scenario())
