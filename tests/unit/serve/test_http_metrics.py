"""What Prometheus is told."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serve.app import create_app
from serve.ledger import ShardUnavailable
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import item, pay, pay_batch
from tests.unit.serve.failing_ledger import FailingLedger

pytestmark = pytest.mark.anyio


async def samples(client: httpx.AsyncClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = (await client.get("/metrics")).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_answers_and_outcomes_are_counted(api: httpx.AsyncClient) -> None:
    one = {"from": "alice", "to": "bob", "amount": 1}
    for key in ("1", "1", "2"):
        await pay(api, key, **one)
    await pay(api, "3", **{**one, "amount": 5000})
    await pay_batch(api, item("4"), item("4"), item("5", to="nobody"), {})
    await api.get("/nowhere/1")
    await api.get("/nowhere/2")
    found = await samples(api)

    def requests(route: str, status: int) -> float:
        return found[("payments_http_requests_total", (("route", route), ("status", str(status))))]

    def outcomes(code: str) -> float:
        return found[("payments_outcomes_total", (("outcome", code),))]

    assert requests("/v1/payments", 201) == 4
    assert requests("/v1/payments", 422) == 1
    assert requests("unrouted", 404) == 2
    assert (outcomes("accepted"), outcomes("insufficient_funds"), outcomes("account_not_found")) == (4, 1, 1)
    assert found[("payments_replays_total", ())] == 2
    assert found[("payments_http_request_seconds_count", (("route", "/v1/payments"),))] == 5
    assert found[("payments_http_requests_in_flight", ())] == 1


async def test_every_shard_has_its_figures(api: httpx.AsyncClient) -> None:
    found = await samples(api)
    for shard in (await api.get("/v1/shards")).json()["data"]:
        labels = (("host", shard["host"]), ("shard", str(shard["shard"])))
        assert found[("payments_shard_sequence", labels)] == shard["sequence"]
        assert found[("payments_shard_epoch", labels)] == shard["epoch"]


async def test_without_an_answer_about_the_shards_the_rest_is_told(ledger: RoutedLedger) -> None:
    failing = FailingLedger(ledger)
    failing.error = ShardUnavailable(0, 1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(failing)), base_url="http://127.0.0.1") as client:
        names = {name for name, _ in await samples(client)}
    assert "payments_http_requests_in_flight" in names
    assert "payments_shard_sequence" not in names


async def test_applications_in_one_process_count_for_themselves(api: httpx.AsyncClient, ledger: RoutedLedger) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(ledger)), base_url="http://127.0.0.1") as other:
        assert not any(name == "payments_http_requests_total" for name, _ in await samples(other))
