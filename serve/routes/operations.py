"""Health and readiness, for the cluster and for people."""

import asyncio

from msgspec import UNSET

from processor.bridges.status import BridgeStatus
from serve.bodies.operations import BridgeDigest, HealthBody, ReadyBody
from serve.ledger import LedgerError
from serve.routes.route import Route
from serve.wire.answer import Answer, encode_json
from serve.wire.problems import FieldError, Problem, retry_after
from serve.wire.request import Request

_HEALTHY = encode_json(HealthBody())
_BRIDGES_SECONDS = 0.5
"""How long readiness waits to hear of the bridges."""


async def read_health(request: Request) -> Answer:
    """Say that the process is up."""
    return Answer(200, _HEALTHY)


async def read_readiness(request: Request) -> Answer:
    """Say whether every shard is owned and the journal answers."""
    obstacles = await request.ledger.readiness()
    if obstacles:
        raise Problem("not_ready", " ".join(obstacles), errors=[FieldError(text) for text in obstacles], headers=retry_after(1))
    bridges = [BridgeDigest(bridge.name, bridge.state, bridge.problem) for bridge in await _bridges(request)]
    return Answer(200, encode_json(ReadyBody(bridges=bridges or UNSET)))


async def read_start(request: Request) -> Answer:
    """Say whether this replica may be given requests: whether it reaches all that works, which need not be all."""
    if obstacles := await request.ledger.reach():
        raise Problem("not_ready", " ".join(obstacles), errors=[FieldError(text) for text in obstacles], headers=retry_after(1))
    return Answer(200, _HEALTHY)


async def _bridges(request: Request) -> list[BridgeStatus]:
    try:
        async with asyncio.timeout(_BRIDGES_SECONDS):
            return [bridge for bridge in await request.ledger.reads.bridges() if bridge.state != "off"]
    except (TimeoutError, LedgerError):
        return []  # What they need the ledger needs too: if it is gone for good, the shards say so.


ROUTES = (
    Route("GET", "/healthz", read_health, "Is the process up?", "Operations", {200: HealthBody}),
    Route(
        "GET", "/readyz", read_readiness, "Is the ledger ready?", "Operations", {200: ReadyBody},
        "200 when every shard is owned and the journal answers; else 503 and what is missing. Trouble with bridges is told, but they "
        "can wait.", problems=("not_ready",),
    ),
    Route(
        "GET", "/startedz", read_start, "Does this replica reach the ledger?", "Operations", {200: HealthBody},
        "200 when the journal and every shard host that is alive answer to this replica; else 503 and what does not. Unlike `/readyz`, a "
        "shard that no host serves does not count: a new replica can take the payments of all others.", problems=("not_ready",),
    ),
)  # fmt: skip
