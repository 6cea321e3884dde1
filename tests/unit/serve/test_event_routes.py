"""Pages of the event log, and the schemas, over HTTP."""

from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from processor.eventlog.catalogue import TYPES
from processor.eventlog.positions import Positions
from processor.journal.interface import JournalUnavailable
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import hold, operate, pay, problem

pytestmark = pytest.mark.anyio


async def events_of(api: httpx.AsyncClient, **parameters: str) -> list[dict[str, Any]]:
    """Return all events behind a position, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await api.get("/v1/events", params=parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert isinstance(page["next_cursor"], str)
        found += page["data"]
        parameters["after"] = page["next_cursor"]
        if not page["has_more"]:
            return found


async def lead_a_life(api: httpx.AsyncClient) -> str:
    """Make payments, a hold that is captured and refunded, a refusal; return the hold's id."""
    await pay(api, "plain", **{"from": "alice", "to": "bob", "amount": 7})
    await pay(api, "refused", **{"from": "bob", "to": "alice", "amount": 7_000})
    held: str = (await hold(api, "hold", 30)).json()["id"]
    await operate(api, held, "capture", "c", amount=20)
    await operate(api, held, "refunds", "r", amount=5)
    return held


async def test_what_was_answered_is_in_the_log_and_fits_its_schema(api: httpx.AsyncClient) -> None:
    held = await lead_a_life(api)
    payment = (await api.get(f"/v1/payments/{held}")).json()
    events = await events_of(api, limit="3")
    assert len({event["id"] for event in events}) == len(events)
    told = [event["type"] for event in events if event["subject"] == held and event["type"] != "balances.changed"]
    assert told == ["payment.held", "payment.captured", "payment.refunded"]
    last = [event for event in events if event["subject"] == held and "payment" in event["data"]][-1]["data"]["payment"]
    assert last == {name: value for name, value in payment.items() if name != "as_of"}, "the payment as a client reads it"
    schemas = {}
    for event in events:
        kind = event["type"]
        if kind not in schemas:
            schemas[kind] = (await api.get(f"/v1/events/schemas/{kind}")).json()
        Draft202012Validator(schemas[kind], format_checker=FormatChecker()).validate(event)
    assert schemas.keys() >= {"account.opened", "payment.succeeded", "payment.refused", "balances.changed"}


async def test_a_cursor_goes_on_when_there_is_more_and_the_end_has_one_too(api: httpx.AsyncClient) -> None:
    first = await api.get("/v1/events", params={"after": "latest"})
    assert first.json()["data"] == []
    assert not first.json()["has_more"]
    made = (await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 7})).json()["id"]
    events = await events_of(api, after=first.json()["next_cursor"])
    assert {event["subject"] for event in events} == {made}
    assert [event["type"] for event in events if event["type"] != "balances.changed"] == ["payment.succeeded"]


async def test_an_accounts_events_end_with_its_balances(api: httpx.AsyncClient) -> None:
    await lead_a_life(api)
    for account in ("alice", "bob", "world"):
        events = await events_of(api, account=account)
        assert events[0]["type"] == "account.opened"
        posted = [
            entry["posted_after"] for event in events for entry in event["data"].get("entries", ()) if entry["account"] == account
        ]
        assert posted[-1] == (await api.get(f"/v1/accounts/{account}")).json()["posted"]
    assert await events_of(api, account="nobody") == []


async def test_types_are_filtered_by_name_and_by_beginning(api: httpx.AsyncClient) -> None:
    await lead_a_life(api)
    everything = await events_of(api)
    for wanted, taken in (
        ("payment.held", lambda kind: kind == "payment.held"),
        ("payment.*", lambda kind: kind.startswith("payment.")),
        ("account.opened,payment.captured", lambda kind: kind in ("account.opened", "payment.captured")),
    ):
        found = await events_of(api, type=wanted, limit="2")
        assert found == [event for event in everything if taken(event["type"])]
        assert found


async def test_an_events_id_is_a_place_to_go_on_from(api: httpx.AsyncClient) -> None:
    await lead_a_life(api)
    everything = await events_of(api)
    for event in everything:
        rest = await events_of(api, after=event["id"])
        shard = event["partitionkey"]
        own = [each["id"] for each in everything if each["partitionkey"] == shard]
        assert [each["id"] for each in rest if each["partitionkey"] == shard] == own[own.index(event["id"]) + 1 :]


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"after": "nonsense"}, "`after`"),
        ({"after": "9:1:0"}, "there is no such event"),
        ({"after": "0:1000:0"}, "there is no such event"),
        ({"after": Positions([10**6] * 4).cursor()}, "beyond the journal's end"),
        ({"after": Positions([0] * 3).cursor()}, "another ledger"),
        ({"type": "payment.dreamt"}, "`payment.dreamt` is not a type of event"),
        ({"account": "no such name"}, "no account can have such an id"),
        ({"limit": "101"}, "from 1 to 100"),
        ({"cursor": "x"}, "does not know it"),
    ],
)
async def test_what_cannot_be_asked_is_refused(api: httpx.AsyncClient, parameters: dict[str, str], told: str) -> None:
    assert told in problem(await api.get("/v1/events", params=parameters), 400, "invalid_parameter")["detail"]
    if "limit" not in parameters:
        assert told in problem(await api.get("/v1/events/stream", params=parameters), 400, "invalid_parameter")["detail"]


async def test_a_journal_that_cannot_be_read_is_told_and_nothing_else(ledger: RoutedLedger, api: httpx.AsyncClient) -> None:
    async def unavailable(*_: object) -> None:
        raise JournalUnavailable("the connection was refused")

    ledger.reads.events.journal.tail = unavailable  # type: ignore[method-assign,assignment]
    ledger.reads.events.journal.head = unavailable  # type: ignore[method-assign,assignment]
    for path in ("/v1/events", "/v1/events?after=latest", "/v1/events/stream"):
        answer = await api.get(path)
        assert problem(answer, 503, "reads_unavailable")["retryable"]
        assert "retry-after" in answer.headers


async def test_every_type_is_listed_with_its_schema(bare_api: httpx.AsyncClient) -> None:
    types = (await bare_api.get("/v1/events/schemas")).json()["data"]
    assert [kind["type"] for kind in types] == list(TYPES)
    for kind in types:
        answer = await bare_api.get(kind["schema"])
        assert answer.headers["content-type"] == "application/schema+json"
        assert answer.json()["$id"] == kind["id"]
        assert answer.json()["description"] == kind["description"]
    problem(await bare_api.get("/v1/events/schemas/payment.dreamt"), 404, "event_type_not_found")
    problem(await bare_api.get("/v1/events/nowhere"), 404, "route_not_found")
    problem(await bare_api.get("/v1/events/schemas/"), 404, "route_not_found")
