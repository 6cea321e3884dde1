"""Batches as columns over HTTP: the same answers as the plain road gives, and the ledger's errors stay with their items."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from serve.app import create_app
from serve.ledger import LedgerError, OutcomeUnknown, Overloaded, ShardUnavailable
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import balance, check_problem, item, pay_batch, problem
from tests.unit.serve.failing_ledger import FailingLedger

pytestmark = pytest.mark.anyio


@pytest.fixture
def failing(ledger: RoutedLedger, api: httpx.AsyncClient) -> FailingLedger:
    """The ledger behind `api`, with errors at will."""
    return FailingLedger(ledger)


@pytest.fixture
def client(failing: FailingLedger) -> httpx.AsyncClient:
    """A client of the API over the failing ledger."""
    transport = httpx.ASGITransport(create_app(failing), raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")


def statuses(answer: httpx.Response) -> list[int]:
    """Return the status of each item."""
    return [result["status"] for result in answer.json()["results"]]


def plainly(items: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Return the same payments in a form that columns do not take."""
    return [{**one, "amount": str(one["amount"])} for one in items]


ITEMS = [
    item("1", amount=700, reference="an order"),
    item("2", amount=700),
    item("3", to="nobody"),
    item("4", amount=1, reference=None),
    item("1", amount=700, reference="an order"),
    item("1", amount=700),
    item("5", currency="USD"),
    item("6", **{"from": "world", "to": "alice"}),
]


@pytest.mark.parametrize("headers", [{}, {"Prefer": "return=minimal"}], ids=["full", "minimal"])
async def test_a_batch_repeated_on_the_plain_road_gets_the_same_outcomes(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    first = await pay_batch(api, *ITEMS, **headers)
    again = await pay_batch(api, *plainly(ITEMS), **headers)
    assert statuses(first) == [201, 422, 422, 201, 201, 422, 422, 201]
    before, after = (without_repetition(answer) for answer in (first, again))
    assert before == after
    assert await balance(api, "bob") == 701


async def test_columns_and_the_plain_road_repeat_each_other(api: httpx.AsyncClient) -> None:
    for first, other in ((ITEMS, plainly(ITEMS)), (plainly(ITEMS), ITEMS)):
        await pay_batch(api, *first)
        one, two = await pay_batch(api, *ITEMS), await pay_batch(api, *other)
        assert one.headers["consistency-token"] == two.headers["consistency-token"]
        assert without_request_ids(one) == without_request_ids(two)


async def test_over_two_hosts_every_item_has_its_outcome(two_hosts_api: httpx.AsyncClient) -> None:
    answer = await pay_batch(two_hosts_api, *ITEMS)
    assert statuses(answer) == [201, 422, 422, 201, 201, 422, 422, 201]
    again = await pay_batch(two_hosts_api, *ITEMS)
    assert without_repetition(answer) == without_repetition(again)
    assert await balance(two_hosts_api, "bob") == 701


async def test_errors_stay_with_their_items(client: httpx.AsyncClient, failing: FailingLedger) -> None:
    failing.errors = {0: Overloaded(1), 2: OutcomeUnknown(), 3: ShardUnavailable(1, 1)}
    answer = await pay_batch(client, item("1"), item("2"), item("3"), item("4"), item("5", amount=5000))
    assert statuses(answer) == [503, 201, 504, 503, 422]
    results = answer.json()["results"]
    check_problem(results[0]["problem"], 503, "overloaded")
    check_problem(results[2]["problem"], 504, "outcome_unknown")
    check_problem(results[3]["problem"], 503, "shard_unavailable")
    assert await balance(client, "bob") == 1


@pytest.mark.parametrize(
    ("errors", "status", "code", "retry_after"),
    [
        ({0: Overloaded(3), 1: ShardUnavailable(1, 1)}, 503, "overloaded", "3"),
        ({0: ShardUnavailable(1, 2), 1: Overloaded(3)}, 503, "shard_unavailable", "2"),
        ({0: Overloaded(3), 1: OutcomeUnknown()}, 504, "outcome_unknown", None),
    ],
)
async def test_a_batch_of_which_nothing_was_taken_fails_as_a_whole(
    client: httpx.AsyncClient, failing: FailingLedger, errors: dict[int, LedgerError], status: int, code: str,
    retry_after: str | None,
) -> None:  # fmt: skip
    failing.errors = errors
    answer = await pay_batch(client, item("1"), item("2"))
    problem(answer, status, code)
    assert answer.headers.get("retry-after") == retry_after


async def test_payments_are_counted_as_those_of_the_plain_road(api: httpx.AsyncClient) -> None:
    items = [item("1"), item("2", amount=5000), item("1"), item("3", to="nobody"), item("4")]
    others = [{**one, "idempotency_key": f"{one['idempotency_key']}-again"} for one in items]
    before = await counts(api)
    await pay_batch(api, *items)
    between = await counts(api)
    await pay_batch(api, *plainly(others))
    after = await counts(api)
    columns = {name: count - before[name] for name, count in between.items() if count != before[name]}
    assert sum(columns.values()) == len(items)
    assert columns == {name: count - between[name] for name, count in after.items() if count != between[name]}


async def counts(api: httpx.AsyncClient) -> dict[str, float]:
    """Return the counters of payments, by name and labels."""
    text = (await api.get("/metrics")).text
    counted = ("payments_outcomes_total", "payments_replays_total")
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(counted)]
    return {name: float(value) for name, value in lines}


def without_repetition(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the results, but for whether they are repetitions, and whose request they answer."""
    results = without_request_ids(answer)
    for result in results:
        result.pop("replayed", None)
    return results


def without_request_ids(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the results, but for the request's own id."""
    results: list[dict[str, Any]] = answer.json()["results"]
    for result in results:
        if result.get("problem", {}).get("request_id") == answer.headers["request-id"]:
            result["problem"].pop("request_id")
    return results
