"""What Prometheus is told."""

import httpx
import pytest
from prometheus_client import CollectorRegistry

from serve.app import create_app
from serve.ledger import ShardStatus, ShardUnavailable
from serve.metrics import Scrape
from serve.routed_ledger import RoutedLedger
from serve.tallies import ReplicaRegistry
from tests.unit.serve.calls import item, pay, pay_batch, samples
from tests.unit.serve.failing_ledger import FailingLedger

pytestmark = pytest.mark.anyio


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
        assert found[("payments_shard_served", labels)] == 1


async def test_hosts_tell_how_their_turns_went(api: httpx.AsyncClient) -> None:
    before = await samples(api)
    await pay(api, "1", **{"from": "alice", "to": "bob", "amount": 1})
    after = await samples(api)
    (host,) = {dict(labels)["host"] for name, labels in after if name == "payments_host_shards"}
    labels = (("host", host),)
    for name in ("payments_host_messages_total", "payments_host_append_seconds_count"):
        assert after[name, labels] == before[name, labels] + 1
    assert (
        after["payments_host_decide_seconds_bucket", (("host", host), ("le", "+Inf"))]
        == after["payments_host_decide_seconds_count", labels]
    )


async def test_a_replicas_own_figures_carry_its_id(ledger: RoutedLedger) -> None:
    app = create_app(ledger, registry=ReplicaRegistry("replica-1"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        await client.get("/healthz")
        found = await samples(client)
    assert found["payments_http_requests_total", (("replica", "replica-1"), ("route", "/healthz"), ("status", "200"))] == 1
    assert app.metrics.answers_by_route() == {"/healthz": 1, "/metrics": 1}
    assert all(("replica", "replica-1") in labels for name, labels in found if name.startswith("payments_http_"))
    assert not any(
        dict(labels).get("replica") for name, labels in found if name.startswith(("payments_host_", "payments_shard_"))
    )


def test_a_shard_whose_host_is_silent_is_not_served() -> None:
    registry = CollectorRegistry()
    registry.register(Scrape([], [ShardStatus(3, "silent", "silent", 1, 7, 9, 0, 0.0, 0.0)], [], [], [], []))
    assert registry.get_sample_value("payments_shard_served", {"shard": "3", "host": "silent"}) == 0


async def test_without_an_answer_about_the_shards_the_rest_is_told(ledger: RoutedLedger) -> None:
    failing = FailingLedger(ledger)
    failing.error = ShardUnavailable(0, 1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(failing)), base_url="http://127.0.0.1") as client:
        names = {name for name, _ in await samples(client)}
    assert "payments_http_requests_in_flight" in names
    assert "payments_shard_sequence" not in names
    assert "payments_database_connections" not in names


async def test_whether_it_is_ready_is_told(ledger: RoutedLedger) -> None:
    failing = FailingLedger(ledger)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(failing)), base_url="http://127.0.0.1") as client:
        assert (await samples(client))["payments_ready", ()] == 1
        failing.obstacles = ["shard 1 is not served: it is moving"]
        assert (await samples(client))["payments_ready", ()] == 0


async def test_the_databases_connections_and_the_age_of_what_is_not_audited_are_told(projected_api: httpx.AsyncClient) -> None:
    found = await samples(projected_api)
    used, limit = found["payments_database_connections", ()], found["payments_database_connections_limit", ()]
    assert 1 <= used < limit
    # No auditor runs here: the records that opened the shards have waited since then.
    ages = [value for (name, _), value in found.items() if name == "payments_audit_lag_seconds"]
    assert len(ages) == 4
    assert all(0 < age < 600 for age in ages)
    assert not any(name == "payments_journal_mirror_lag_seconds" for name, _ in found)


async def test_applications_in_one_process_count_for_themselves(api: httpx.AsyncClient, ledger: RoutedLedger) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(ledger)), base_url="http://127.0.0.1") as other:
        assert not any(name == "payments_http_requests_total" for name, _ in await samples(other))
