"""The Serve config of the manifests runs on Ray nodes with the groups' resources and variables, and pays; a pod that ends loses nothing."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import httpx
import pytest

from processor.local.failure import CannotStart
from processor.local.ports import LOOPBACK, free_port
from processor.local.postgres import EmbeddedPostgres
from processor.local.serve_config import SHARD_HOSTS, scaled
from tests.infra.kuberay.local_ray import LocalRay
from tests.infra.kuberay.manifests import groups, manifests, pods, serve_config

pytestmark = pytest.mark.slow

NODES = ("shard-hosts/1", "shard-hosts/2", "api", "upkeep")
ACCOUNTS = 8
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
    """The manifests' cluster on this machine, with two shard hosts."""

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
        self.ray.start(*NODES)
        self.ray.api.put(scaled(serve_config(self.manifests), {SHARD_HOSTS: 2}))
        try:
            self.ray.api.wait_until_running(lambda: None)
        except CannotStart as error:
            raise AssertionError(f"{error}; {self.ray.logs()}") from error
        wait_until(lambda: self.answers("/readyz"), "a ledger that is ready")

    def answers(self, path: str) -> bool:
        """Return whether a probe would be content."""
        try:
            return httpx.get(self.url + path).status_code == 200
        except httpx.TransportError:
            return False

    def owners(self) -> set[str]:
        """Return the hosts that own shards."""
        return {shard["host"] for shard in httpx.get(f"{self.url}/v1/shards").json()["data"]}


def test_the_config_of_the_manifests_pays_and_each_deployment_is_on_its_group(cluster: Cluster) -> None:
    with httpx.Client(base_url=cluster.url, timeout=30) as client:
        open_accounts(client)
        assert pay(client, "first").json()["status"] == "succeeded"
    for node in ("shard-hosts/1", "shard-hosts/2"):
        assert cluster.ray.actors(node) == {"ServeReplica:payments:ShardHosts", "ShardHost"}
    assert cluster.ray.actors("api") == {"ServeReplica:payments:Api"}
    upkeep = {"ServeReplica:payments:Projections", "ServeReplica:payments:Auditor", "ServeReplica:payments:Bridges"}
    assert cluster.ray.actors("upkeep") == upkeep
    assert cluster.ray.actors("head") == {"ServeController"}


def test_a_pod_that_is_told_to_end_gives_its_shards_up_first_and_no_payment_fails(cluster: Cluster) -> None:
    wait_until(lambda: len(cluster.owners()) == 2, "shards on both hosts")
    command = pods(groups(cluster.manifests)["shard-hosts"])["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert command[0] == "python"
    leave = [sys.executable, *command[1:], "--node-id", cluster.ray.node_id("shard-hosts/2")]
    leaving = subprocess.Popen(leave, env=cluster.ray.variables("shard-hosts/2"), stdout=subprocess.PIPE, text=True)
    statuses = []
    with httpx.Client(base_url=cluster.url, timeout=30) as client:
        while leaving.poll() is None:
            statuses.append(pay(client, f"meanwhile-{len(statuses)}").status_code)
        statuses.append(pay(client, "afterwards").status_code)
    assert leaving.communicate()[0] == "all replicas have ended\n"
    assert set(statuses) == {201}
    assert not cluster.ray.actors("shard-hosts/2") & {"ServeReplica:payments:ShardHosts", "ShardHost"}
    assert len(cluster.owners()) == 1


def open_accounts(client: httpx.Client) -> None:
    """Open one account that may go below zero, and some that receive, so that they are on several shards."""
    accounts = [
        {"id": "world", "currency": "EUR", "min_balance": None},
        *({"id": f"a{n}", "currency": "EUR"} for n in range(ACCOUNTS)),
    ]
    for account in accounts:
        assert client.post("/v1/accounts", json=account).status_code == 201


def pay(client: httpx.Client, key: str) -> httpx.Response:
    """Make a payment of one cent to one of the accounts."""
    body = {"from": "world", "to": f"a{crc32(key.encode()) % ACCOUNTS}", "amount": 1, "currency": "EUR"}
    return client.post("/v1/payments", json=body, headers={"Idempotency-Key": key})
