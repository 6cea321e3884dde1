"""Health and readiness, for the cluster and for people."""

from serve.bodies.operations import HealthBody, ReadyBody
from serve.routes.route import Route
from serve.wire.answer import Answer, encode_json
from serve.wire.problems import FieldError, Problem, retry_after
from serve.wire.request import Request

_HEALTHY = encode_json(HealthBody())
_READY = encode_json(ReadyBody())


async def read_health(request: Request) -> Answer:
    """Say that the process is up."""
    return Answer(200, _HEALTHY)


async def read_readiness(request: Request) -> Answer:
    """Say whether every shard is owned and the journal answers."""
    obstacles = await request.ledger.readiness()
    if obstacles:
        raise Problem("not_ready", " ".join(obstacles), errors=[FieldError(text) for text in obstacles], headers=retry_after(1))
    return Answer(200, _READY)


ROUTES = (
    Route("GET", "/healthz", read_health, "Is the process up?", "Operations", {200: HealthBody}),
    Route(
        "GET", "/readyz", read_readiness, "Is the ledger ready?", "Operations", {200: ReadyBody},
        "200 when every shard is owned and the journal answers; else 503 and what is missing.", problems=("not_ready",),
    ),
)  # fmt: skip
