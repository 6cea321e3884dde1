"""The Serve config of the manifests runs on Ray nodes with the groups' resources and variables, and pays; a pod that ends loses nothing."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from processor.local.ports import LOOPBACK, free_port
from processor.local.postgres import EmbeddedPostgres
from tests.infra.kuberay.local_ray import LocalRay
from tests.infra.kuberay.manifests import groups, manifests, pods, serve_config

GROUPS = ("shard-hosts", "api", "upkeep")
READY_SECONDS = 120


def wait_until(done: Callable[[], Any], what: str, timeout_seconds: float = READY_SECONDS) -> Any:
    """Return what `done` returns, once that is something."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if found := done():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not in {timeout_seconds} s: {what}")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL of our own."""
    folder = tmp_path_factory.mktemp("database")
    server = EmbeddedPostgres(folder / "postgres", folder / "postgres.log", free_port())
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def cluster(database: str) -> Iterator["Cluster"]:
    """The local overlay's cluster, running."""
    cluster = Cluster(database)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.ray.stop()


class Cluster:
    """The manifests' cluster on this machine."""

    def __init__(self, database: str) -> None:
        self.manifests = manifests("local")
        self.url = f"http://{LOOPBACK}:{free_port()}"
        here = {
            "PAYMENTS_DATABASE_URL": database,
            "PAYMENTS_HOST": LOOPBACK,
            "PAYMENTS_PORT": self.url.rpartition(":")[2],
            "PAYMENTS_REDIS_URL": "",
            "PAYMENTS_BRIDGES": "",
        }
        self.ray = LocalRay(self.manifests, here)

    def start(self) -> None:
        """Prepare the ledger as the init container does, start Ray's nodes, and send the Serve config as the operator does."""
        command = pods(groups(self.manifests)["api"])["initContainers"][0]["command"]
        assert command == ["payments", "prepare"]
        prepare = [sys.executable, "-m", "processor.cli.main", *command[1:]]
        subprocess.run(prepare, env=self.ray.variables("api"), check=True, capture_output=True)
        self.ray.start(*GROUPS)
        self.ray.api.put(serve_config(self.manifests))
        self.ray.api.wait_until_running(lambda: None)
        wait_until(lambda: self.answers("/readyz"), "a ledger that is ready")

    def answers(self, path: str) -> bool:
        """Return whether a probe would be content."""
        try:
            return httpx.get(self.url + path).status_code == 200
        except httpx.TransportError:
            return False

    def pay(self, key: str) -> httpx.Response:
        """Make a payment of one cent."""
        body = {"from": "world", "to": "alice", "amount": 1, "currency": "EUR"}
        return httpx.post(f"{self.url}/v1/payments", json=body, headers={"Idempotency-Key": key}, timeout=30)


def test_the_config_of_the_manifests_pays_and_each_deployment_is_on_its_group(cluster: Cluster) -> None:
    for account in ({"id": "world", "currency": "EUR", "min_balance": None}, {"id": "alice", "currency": "EUR"}):
        assert httpx.post(f"{cluster.url}/v1/accounts", json=account).status_code == 201
    assert cluster.pay("first").json()["status"] == "succeeded"
    assert cluster.ray.actors("shard-hosts") == {"ServeReplica:payments:ShardHosts", "ShardHost"}
    assert cluster.ray.actors("api") == {"ServeReplica:payments:Api"}
    upkeep = {"ServeReplica:payments:Projections", "ServeReplica:payments:Auditor", "ServeReplica:payments:Bridges"}
    assert cluster.ray.actors("upkeep") == upkeep
    assert cluster.ray.actors("head") <= {"ServeController", "IDLE"}
