"""A canary beside a ledger, as two Ray clusters on this machine with one database: it pays through the ledger's hosts and owns nothing."""

from collections.abc import Iterator

import httpx
import pytest

from deploy.delivery.rollouts.manifests import canary_of
from processor.local.ports import LOOPBACK, free_port
from tests.infra.kuberay.local_ray import LocalRay
from tests.infra.kuberay.manifests import manifests, serve_config
from tests.infra.kuberay.test_local_run import Cluster, database, wait_until

__all__ = ["database"]
pytestmark = pytest.mark.slow


class Canary(Cluster):
    """What `canary_of` makes of the local manifests, running."""

    def __init__(self, url: str) -> None:
        self.manifests = canary_of(manifests("local"))
        self.url = f"http://{LOOPBACK}:{free_port()}"
        port = self.url.rpartition(":")[2]
        here = {
            "PAYMENTS_DATABASE_URL": url,
            "PAYMENTS_HOST": LOOPBACK,
            "PAYMENTS_PORT": port,
            "PAYMENTS_REDIS_URL": "",
            "PAYMENTS_BRIDGES": "",
        }
        self.ray = LocalRay(self.manifests, here)

    def start(self) -> None:
        self.ray.start("api")
        self.ray.api.put(serve_config(self.manifests))
        self.ray.api.wait_until_running(lambda: None)
        wait_until(lambda: self.answers("/readyz"), "a canary that is ready")


@pytest.fixture
def ledger(database: str) -> Iterator[Cluster]:
    ledger = Cluster(database)
    try:
        ledger.start()
        yield ledger
    finally:
        ledger.ray.stop()


@pytest.fixture
def canary(database: str, ledger: Cluster) -> Iterator[Canary]:
    canary = Canary(database)
    try:
        canary.start()
        yield canary
    finally:
        canary.ray.stop()


def owners(cluster: Cluster) -> list[tuple[int, str, int]]:
    """Return who owns each shard, and for the how manieth time."""
    return [(each["shard"], each["host"], each["epoch"]) for each in httpx.get(f"{cluster.url}/v1/shards").json()["data"]]


def pay(cluster: Cluster, key: str) -> httpx.Response:
    """Make a payment of one cent."""
    body = {"from": "world", "to": "alice", "amount": 1, "currency": "EUR"}
    return httpx.post(f"{cluster.url}/v1/payments", json=body, headers={"Idempotency-Key": key}, timeout=30)


def test_a_canary_pays_through_the_ledgers_hosts_and_leaves_nothing_behind(ledger: Cluster, canary: Canary) -> None:
    wait_until(lambda: len(ledger.owners()) == 2, "shards on both hosts")
    before = owners(ledger)
    assert canary.ray.actors("api") == {"ServeReplica:payments:Api"}
    for account in ({"id": "world", "currency": "EUR", "min_balance": None}, {"id": "alice", "currency": "EUR"}):
        assert httpx.post(f"{canary.url}/v1/accounts", json=account).status_code == 201
    assert pay(canary, "through-the-canary").json()["status"] == "succeeded"
    assert pay(ledger, "through-the-ledger").json()["status"] == "succeeded"
    # The same key at the other track: one payment, the same answer.
    assert pay(ledger, "through-the-canary").json()["id"] == pay(canary, "through-the-canary").json()["id"]
    assert owners(canary) == owners(ledger) == before
    canary.ray.stop()
    assert pay(ledger, "after-the-canary").json()["status"] == "succeeded"
    assert httpx.get(f"{ledger.url}/v1/accounts/alice").json()["posted"] == 3
    assert owners(ledger) == before
