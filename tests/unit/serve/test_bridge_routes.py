"""What the API tells of the bridges."""

import httpx
import pytest

from processor.bridges.cursors import Cursors, take_over
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from processor.projections.projector import Projector
from serve.app import create_app
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import samples

pytestmark = pytest.mark.anyio


async def test_a_bridge_in_trouble_is_told_of_and_keeps_nothing_from_working(
    database_url: str, projected: tuple[RoutedLedger, Projector]
) -> None:
    link = Link(database_url, DEFAULT_TIMEOUTS)
    cursors = Cursors(link, "kinesis", await take_over(link, "kinesis"))
    await cursors.read(dict.fromkeys(range(4), 0))
    await cursors.advance({2: 1})
    trouble = "UPDATE payments.bridges SET state = 'waiting', problem = 'the stream is missing', published = 5, retries = 2"
    await link.execute(f"{trouble}, figures = '{{\"paid\": 4}}'")
    await take_over(link, "sns")
    await link.execute("UPDATE payments.bridges SET updated_at = now() - interval '1 hour' WHERE bridge = 'sns'")
    await link.close()
    transport = httpx.ASGITransport(create_app(projected[0]), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (
            200,
            {"status": "ready", "bridges": [{"name": "kinesis", "state": "waiting", "problem": "the stream is missing"}]},
        )
        heads = {shard["shard"]: shard["sequence"] for shard in (await client.get("/v1/shards")).json()["data"]}
        kinesis, sns = (await client.get("/v1/bridges")).json()["data"]
        found = await samples(client)
    assert [(shard["position"], shard["head"]) for shard in kinesis["shards"]] == [
        (int(shard == 2), head) for shard, head in heads.items()
    ]
    lag = sum(heads.values()) - 1
    assert (kinesis["lag_records"], kinesis["published"], kinesis["retries"]) == (lag, 5, 2)
    assert (kinesis["figures"], sns["figures"]) == ({"paid": 4}, {})
    assert (sns["state"], sns["lag_records"], sns["shards"]) == ("off", None, [])
    labels = (("bridge", "kinesis"),)
    assert found["payments_bridge_lag_records", labels] == lag
    assert found["payments_bridge_published_total", labels] == 5
    assert found["payments_bridge_figures_total", (*labels, ("figure", "paid"))] == 4
    assert found["payments_bridge_state", (*labels, ("state", "waiting"))] == 1
    assert found["payments_bridge_state", (*labels, ("state", "running"))] == 0
