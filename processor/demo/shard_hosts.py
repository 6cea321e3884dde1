"""The shard hosts of an instance, and how to kill one that runs on this machine."""

import msgspec
import psutil

from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.reply import UnexpectedAnswer

_NODE_PROCESS = "raylet"  # the process of a Ray node that all its actors descend from


class Shard(msgspec.Struct, frozen=True):
    """A shard as GET /v1/shards shows it; `pid` 0: no host owns it."""

    shard: int
    host: str
    pid: int
    epoch: int


class _Shards(msgspec.Struct, frozen=True):
    data: list[Shard]


class NotOurs(Exception):
    """The process cannot be shown to be a shard host of this instance on this machine. The message says why."""


async def read_shards(connection: Connection) -> list[Shard]:
    """Return all shards. Raises Unavailable, UnexpectedAnswer."""
    reply = await connection.get("/v1/shards")
    reply.require_success()
    try:
        return msgspec.json.decode(reply.body, type=_Shards).data
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswer(f"the answer of /v1/shards is not as expected ({error})") from None


def shards_of_busiest_host(shards: list[Shard]) -> list[Shard]:
    """Return the shards of the host that owns the most. Raises NotOurs if no shard has a host."""
    hosts: dict[int, list[Shard]] = {}
    for shard in shards:
        if shard.pid:
            hosts.setdefault(shard.pid, []).append(shard)
    if not hosts:
        raise NotOurs("no shard has a host")
    return max(hosts.values(), key=len)


def local_process(pid: int, address: Address) -> psutil.Process:
    """Return the shard host's process. Raises NotOurs.

    A process id alone may be another machine's, or may have been given to another program: the process must descend from the
    same Ray node as the one that listens on the API's port here.
    """
    try:
        process = psutil.Process(pid)
        if not _nodes_of(process) & {node for listener in _listeners(address.port) for node in _nodes_of(listener)}:
            raise NotOurs(f"process {pid} does not belong to the instance at {address.url} on this machine")
    except psutil.Error as error:
        raise NotOurs(f"process {pid} cannot be looked at on this machine ({error})") from None
    return process


def _listeners(port: int) -> list[psutil.Process]:
    sockets = (found for found in psutil.net_connections("tcp") if found.status == psutil.CONN_LISTEN)
    return [psutil.Process(found.pid) for found in sockets if found.pid and found.laddr and found.laddr.port == port]


def _nodes_of(process: psutil.Process) -> set[psutil.Process]:
    return {parent for parent in process.parents() if parent.name() == _NODE_PROCESS}
