"""Replicas come, go and are replaced under load, and every request of a plain HTTP client gets its answer."""

import asyncio
from collections.abc import Collection, Coroutine, Iterator
from typing import Any

import httpx
import pytest

from processor.local.serve_api import ServeApi
from processor.local.serve_config import API, SHARD_HOSTS, Config, scaled
from tests.system.instance import Instance, new_folder
from tests.system.ledger.background import Background
from tests.system.ledger.books import Books
from tests.system.ledger.hosts import wait_until_spread
from tests.system.ledger.waiting import wait_until

STEADY_CLIENTS = 6
NEW_CONNECTION_CLIENTS = 4
SLOW_CLIENTS = 6
SLOW_SECONDS = 0.3
ANSWERS = 300
TARGET_ONGOING_REQUESTS = 1
AUTOSCALED_REPLICAS = 3


class PlainClients(Background):
    """Clients that retry nothing: whatever is not answered fails the test.

    Steady ones keep their connection busy, slow ones leave it idle between requests, and others make a new one for each request.
    """

    def __init__(self, books: Books) -> None:
        super().__init__(books.instance.url)
        self._url = books.instance.url
        self._books = books
        self.closed = 0
        """Answers that said that their connection closes."""

    def clients(self) -> list[Coroutine[Any, Any, None]]:
        """Return all of them."""
        steady = [self._send(0.0) for _ in range(STEADY_CLIENTS)]
        slow = [self._send(SLOW_SECONDS * (1 + number)) for number in range(SLOW_CLIENTS)]
        return [*steady, *slow, *(self._send_on_new_connections() for _ in range(NEW_CONNECTION_CLIENTS))]

    async def _send(self, pause_seconds: float) -> None:
        async with httpx.AsyncClient(base_url=self._url, timeout=30, verify=False) as client:
            while not self.is_over:
                await self._pay(client)
                await asyncio.sleep(pause_seconds)

    async def _send_on_new_connections(self) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=self._url, timeout=30, verify=False, limits=limits) as client:
            while not self.is_over:
                await self._pay(client)

    async def _pay(self, client: httpx.AsyncClient) -> None:
        payment = self._books.supply.next()
        headers = {"Idempotency-Key": payment.key, "Content-Type": "application/json"}
        answer = await client.post("/v1/payments", content=payment.body(), headers=headers)
        assert answer.status_code in (201, 422), answer.text
        self.closed += answer.headers.get("Connection") == "close"
        self.count(1)


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    """A running instance with two of everything that may go."""
    shared = Instance(new_folder(), shards=4, shard_hosts=2, api_replicas=2)
    try:
        yield shared.start()
    finally:
        shared.remove()


@pytest.fixture
def load(instance: Instance) -> Iterator[PlainClients]:
    """Clients at work for as long as the test lasts."""
    wait_until_running(instance, 2)
    with PlainClients(Books(instance)) as clients:
        clients.wait_for_answers(ANSWERS)
        yield clients


def serve_api(instance: Instance) -> ServeApi:
    return ServeApi((instance.data_folder / "dashboard_url").read_text())


def api_replicas(instance: Instance) -> list[tuple[str, int | None]]:
    """Return state and process id (None: not yet) of all API replicas, also of those that go; nothing while a config is read."""
    application = serve_api(instance).application()
    assert application is not None
    deployment = application["deployments"].get(API, {"replicas": []})
    return [(replica["state"], replica.get("pid")) for replica in deployment["replicas"]]


def wait_until_running(instance: Instance, replicas: int, others_than: Collection[int] = ()) -> set[int]:
    """Return the process ids of all API replicas once there are so many, all of them run, and none is one of the others."""

    def settled() -> set[int]:
        found = api_replicas(instance)
        pids = {pid for _, pid in found if pid is not None}
        return pids if [state for state, _ in found] == ["RUNNING"] * replicas and pids.isdisjoint(others_than) else set()

    return wait_until(settled, f"{replicas} API replicas that run")


def updated(config: Config, deployment: str, log_level: str) -> Config:
    """Return the config with another log level for one deployment, which its replicas read when they start."""
    changed = scaled(config, {})
    deployments = {deployment["name"]: deployment for deployment in changed["applications"][0]["deployments"]}
    environment = {"env_vars": {"PAYMENTS_LOG_LEVEL": log_level}}
    deployments[deployment]["ray_actor_options"] = {"num_cpus": 0, "runtime_env": environment}
    return changed


def autoscaled(config: Config) -> Config:
    """Return the config with an API that Serve scales by itself, quickly, up to three replicas."""
    changed = scaled(config, {})
    deployments = {deployment["name"]: deployment for deployment in changed["applications"][0]["deployments"]}
    del deployments[API]["num_replicas"]
    deployments[API]["autoscaling_config"] = {
        "min_replicas": 1, "initial_replicas": 2, "max_replicas": AUTOSCALED_REPLICAS,
        "target_ongoing_requests": TARGET_ONGOING_REQUESTS, "metrics_interval_s": 1, "look_back_period_s": 2, "upscale_delay_s": 1,
    }  # fmt: skip
    return changed


def test_api_replicas_that_go_and_come_lose_no_request(instance: Instance, load: PlainClients) -> None:
    for replicas in (1, 2, 1, 2):
        assert instance.run("scale", "--api-replicas", str(replicas)).returncode == 0
        wait_until_running(instance, replicas)
        load.wait_for_answers(ANSWERS)
    assert load.closed > 0, "clients must be told that a connection closes"


def test_a_rolling_update_loses_no_request(instance: Instance, load: PlainClients) -> None:
    before = wait_until_running(instance, 2)
    api = serve_api(instance)
    api.put(updated(api.config(), API, "warning"))
    wait_until_running(instance, 2, others_than=before)
    load.wait_for_answers(ANSWERS)


@pytest.mark.slow
def test_a_rolling_update_of_the_only_replica_loses_no_request(instance: Instance, load: PlainClients) -> None:
    assert instance.run("scale", "--api-replicas", "1").returncode == 0
    before = wait_until_running(instance, 1)
    api = serve_api(instance)
    api.put(updated(api.config(), API, "error"))
    wait_until_running(instance, 1, others_than=before)
    load.wait_for_answers(ANSWERS)
    assert instance.run("scale", "--api-replicas", "2").returncode == 0


def test_shard_hosts_that_go_and_come_lose_no_request(instance: Instance, load: PlainClients) -> None:
    for hosts in (1, 2):
        assert instance.run("scale", "--shard-hosts", str(hosts)).returncode == 0
        wait_until_spread(instance, hosts)
        load.wait_for_answers(ANSWERS)


@pytest.mark.slow
def test_a_rolling_update_of_the_shard_hosts_loses_no_request(instance: Instance, load: PlainClients) -> None:
    before = {shard.host for shard in wait_until_spread(instance, 2)}
    api = serve_api(instance)
    api.put(updated(api.config(), SHARD_HOSTS, "warning"))
    wait_until(lambda: before.isdisjoint({shard.host for shard in wait_until_spread(instance, 2)}), "new shard hosts")
    load.wait_for_answers(ANSWERS)


@pytest.mark.slow
def test_serve_adds_a_replica_when_requests_that_it_never_sees_pile_up(instance: Instance, load: PlainClients) -> None:
    api = serve_api(instance)
    before = api.config()
    api.put(autoscaled(before))
    try:
        wait_until_running(instance, AUTOSCALED_REPLICAS)
        load.wait_for_answers(ANSWERS)
    finally:
        api.put(before)
