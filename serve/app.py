"""The ASGI application: finds the route, answers errors as problems, counts. No framework, as this is the hot path."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry

from processor.bridges.webhooks.admin import WebhookAdmin
from serve.dead_letters import DeadLetters
from serve.ledger import Ledger, LedgerError
from serve.limits import DRAIN_SECONDS_MAX, SEND_SECONDS_MAX, VISIBILITY_SECONDS_MAX
from serve.metrics import Metrics
from serve.payments.refusals import ledger_problem
from serve.rates import check_rate
from serve.resource import Resource, resources_of
from serve.routes.table import route_table
from serve.shared_cache import SharedCache
from serve.site import Site
from serve.submissions import Submissions
from serve.wire.answer import Answer, Closing
from serve.wire.problems import Problem
from serve.wire.request import ClientDisconnected, Receive, Request, Scope
from serve.wire.request_ids import clients_request_id, new_request_ids

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_NO_STORE = (b"cache-control", b"no-store")
_NO_SNIFF = (b"x-content-type-options", b"nosniff")
_logger = logging.getLogger(__name__)
_INTERNAL_ERROR = (
    "This program failed; its log tells more under the request id. A payment may safely be sent again with the same key."
)


def create_app(
    ledger: Ledger,
    *,
    registry: CollectorRegistry | None = None,
    visibility_seconds: float = VISIBILITY_SECONDS_MAX,
    cache: SharedCache | None = None,
    webhooks: WebhookAdmin | None = None,
    dead_letters: DeadLetters | None = None,
) -> "Application":
    """Return the ASGI application over this ledger. Several may live in one process unless they share a `registry`."""
    cache = cache or SharedCache()
    site = Site(
        ledger, Submissions(), Metrics(registry), visibility_seconds, cache=cache, webhooks=webhooks,
        dead_letters=dead_letters, streams=cache.event_streams(),
    )  # fmt: skip
    return Application(site)


class Application:
    """Answers every request, whatever happens, with the route's answer or a problem."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._fixed, self._variable = resources_of(route_table(), site.metrics)
        self._unrouted = Resource("unrouted", site.metrics)
        self._new_request_id = new_request_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._not_http(scope, receive, send)
            return
        started = time.perf_counter()
        in_flight = self._site.metrics.in_flight
        in_flight.inc()
        try:
            request = Request(scope, receive, self._site)
            given = clients_request_id(request.headers)
            request.id = given or self._new_request_id()
            resource = self._resource(request)
            answer = await _answer(resource, request)
            resource.count(answer.status, time.perf_counter() - started)
            await send_answer(send, answer, given or answer.request_id or request.id, scope["method"] == "HEAD")
        except ClientDisconnected:
            pass  # Nobody is left to be answered; what was submitted goes on.
        finally:
            in_flight.dec()

    @property
    def metrics(self) -> Metrics:
        """What has been answered so far."""
        return self._site.metrics

    @property
    def streams(self) -> int:
        """How many streams of events are open."""
        return self._site.streams.count

    def end_streams(self) -> None:
        """End all streams of events, now and from now on: they would hold up the process's end."""
        self._site.streams.end()

    async def drain(self, timeout_seconds: float = DRAIN_SECONDS_MAX) -> int:
        """Wait for all messages under way to the ledger; return how many are still there after the timeout."""
        return await self._site.submissions.drain(timeout_seconds)

    def _resource(self, request: Request) -> Resource:
        """Return what the path names, with its variable part put into the request."""
        path: str = request.scope["path"]
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed
        parts = path.split("/", 6)
        for place in range(3, len(parts) if len(parts) <= 6 else 0):
            found = self._variable.get("/".join([*parts[:place], "{id}", *parts[place + 1 :]]))
            if found is not None and parts[place]:
                request.parameter = parts[place]
                return found
        return self._unrouted

    async def _not_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take part in the server's start and stop; turn WebSockets away."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1003})
        while scope["type"] == "lifespan":
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self.end_streams()
                await self.drain()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return


async def _answer(resource: Resource, request: Request) -> Answer:
    """Return the route's answer, or the problem that it ended in."""
    try:
        request.check_limits()
        if request.site.cache.rates is not None:
            await check_rate(request.site.cache.rates, request)
        route = resource.routes.get(request.scope["method"])
        if route is None:
            return resource.without_route(request)
        request.read_query(route.query_names)
        return await route.handler(request)
    except Problem as problem:
        return problem.answer(request.id)
    except LedgerError as error:
        return ledger_problem(error).answer(request.id)
    except ClientDisconnected:
        raise
    except Exception:
        _logger.exception("request %s: %s %r", request.id, request.scope["method"], request.scope["path"])
        return Problem("internal_error", _INTERNAL_ERROR).answer(request.id)


async def _stream(send: Send, first: bytes, chunks: AsyncIterator[bytes]) -> None:
    """Send a body of unknown length. If its rest cannot be had it is left without its end, so that it does not look whole."""
    await send({"type": "http.response.body", "body": first, "more_body": True})
    try:
        async for chunk in chunks:
            try:
                async with asyncio.timeout(SEND_SECONDS_MAX):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except TimeoutError:
                raise ClientDisconnected from None
    except LedgerError as error:
        _logger.warning("an answer ends before its end: %s", error)
        raise ClientDisconnected from error
    await send({"type": "http.response.body", "body": b""})


async def send_answer(send: Send, answer: Answer, request_id: str, head: bool) -> None:
    """Send the answer, for HEAD without its body. Raises ClientDisconnected, also if a stream had to be broken off."""
    headers = [(b"request-id", request_id.encode()), _NO_STORE, _NO_SNIFF, *answer.headers]
    if answer.status != 204:  # RFC 9110 forbids a length there.
        headers.append((b"content-type", answer.content_type))
        if answer.chunks is None:
            headers.append((b"content-length", b"%d" % len(answer.body)))
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answer.chunks is not None and not head:
            await _stream(send, answer.body, answer.chunks)
        else:
            await send({"type": "http.response.body", "body": b"" if head else answer.body})
    except OSError as error:
        raise ClientDisconnected from error
    finally:
        if isinstance(answer.chunks, Closing):
            await answer.chunks.aclose()
