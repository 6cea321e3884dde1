"""What Ray Serve costs by itself: two deployments that read a body and answer at once.

`Empty` stands behind Serve's proxy, `Listener` owns a listener as the payments API does. Serve loads this in the workers of the bench's
own Ray node; the bench itself never imports it, and so never imports Ray.
"""

import asyncio
import contextlib

import uvicorn
from ray import serve as ray_serve

from loadtests.bench.empty_handler import EmptyHandler
from serve.loopback import keep_replicas_on_loopback

_NO_CPU = {"num_cpus": 0}
_ONGOING_REQUESTS_MAX = 1_000


@ray_serve.deployment(name="Listener", ray_actor_options=_NO_CPU)
class Listener:
    """Answers on a listener of its own, made as in serve/deployment.py."""

    async def __init__(self, port: int) -> None:  # type: ignore[misc]
        keep_replicas_on_loopback()
        config = uvicorn.Config(
            EmptyHandler(), host="127.0.0.1", port=port, http="httptools", ws="none", loop="none", lifespan="off",
            access_log=False, log_level="warning", server_header=False, date_header=False,
        )  # fmt: skip
        server = uvicorn.Server(config)
        # Ray's worker handles the process's signals.
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        self._serving = asyncio.create_task(server.serve())

    def check_health(self) -> None:
        """Called by Serve; raises if the listener has stopped."""
        if self._serving.done():
            raise RuntimeError("the listener has stopped")


@ray_serve.deployment(
    name="Empty",
    ray_actor_options=_NO_CPU,
    max_ongoing_requests=_ONGOING_REQUESTS_MAX,
    logging_config={"enable_access_log": False},
)
@ray_serve.ingress(EmptyHandler())
class Empty:
    """Answers behind Serve's proxy. It needs the other only to be deployed together with it."""

    def __init__(self, listener: object) -> None:
        keep_replicas_on_loopback()


def build(arguments: dict[str, str]) -> ray_serve.Application:
    """Return both; `port` in `arguments` is the listener's."""
    return Empty.bind(Listener.bind(int(arguments["port"])))  # type: ignore[attr-defined]
