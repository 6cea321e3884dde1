"""The shard hosts of a running instance, as its API and the operating system show them."""

import httpx
import msgspec
import psutil

from processor.local.serve_api import ServeApi
from tests.system.instance import Instance
from tests.system.ledger.api import get
from tests.system.ledger.waiting import wait_until


class OwnedShard(msgspec.Struct, frozen=True):
    """A shard as GET /v1/shards shows it; `pid` 0: no host owns it."""

    shard: int
    host: str
    actor: str
    pid: int
    epoch: int
    sequence: int


class _Answer(msgspec.Struct, frozen=True):
    data: list[OwnedShard]


def owned_shards(instance: Instance) -> list[OwnedShard]:
    """Return all shards in order."""
    answer = get(f"{instance.url}/v1/shards")
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=_Answer).data


def is_ready(instance: Instance) -> bool:
    """Return whether every shard is served."""
    try:
        return get(f"{instance.url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def wait_until_spread(instance: Instance, hosts: int) -> list[OwnedShard]:
    """Return the shards once exactly so many hosts own them, about equally many each, and all are served."""

    def spread() -> list[OwnedShard]:
        shards = owned_shards(instance) if is_ready(instance) else []
        counts = [[shard.host for shard in shards].count(host) for host in {shard.host for shard in shards}]
        return shards if shards and len(counts) == hosts and max(counts) - min(counts) <= 1 and all_running(shards) else []

    return wait_until(spread, f"shards spread over {hosts} hosts")


def all_running(shards: list[OwnedShard]) -> bool:
    """Return whether every shard's host is a living process."""
    return all(shard.pid and psutil.pid_exists(shard.pid) for shard in shards)


def host_process(instance: Instance, pid: int) -> psutil.Process:
    """Return a shard host's process, which must be one of the instance's."""
    (found,) = (process for process in instance.processes() if process.pid == pid)
    return found


def replica_processes(instance: Instance, deployment: str) -> list[psutil.Process]:
    """Return the processes of a deployment's replicas that run, as Serve tells them."""
    application = ServeApi((instance.data_folder / "dashboard_url").read_text()).application()
    assert application is not None
    replicas = application["deployments"][deployment]["replicas"]
    pids = {replica["pid"] for replica in replicas if replica["state"] == "RUNNING"}
    return [process for process in instance.processes() if process.pid in pids]
