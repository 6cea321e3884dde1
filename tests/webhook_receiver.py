"""A receiver of webhooks on loopback that plays a script of answers, and remembers what it was sent."""

import asyncio
from collections.abc import Mapping
from typing import Any, Self

import msgspec
from aiohttp import web
from standardwebhooks import Webhook

HANG, HUGE, BREAK_OFF = "hang", "huge", "break off"
"""No answer at all; one without an end; the connection is closed in the middle of one."""

_CHUNK = b"x" * 65_536


class Received(msgspec.Struct):
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = msgspec.json.decode(self.body)
        return event

    def verify(self, secret: str) -> dict[str, Any]:
        """Return the event if the signature is right, as the library of the specification's authors sees it."""
        event: dict[str, Any] = Webhook(secret).verify(self.body, dict(self.headers))
        return event


class Receiver:
    """Answers each request with the script's next step: a status, a status with headers, or one of the above; then 200 for ever."""

    def __init__(self, *script: int | str | tuple[int, dict[str, str]]) -> None:
        self.script = list(script)
        self.received: list[Received] = []
        self.sent_bytes = 0
        self.at_once = 0
        self.at_once_max = 0
        self._came = asyncio.Condition()

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port: int = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def wait_for(self, count: int) -> list[Received]:
        """Return what was received once it is so many requests."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        try:
            return await self._play(request)
        finally:
            self.at_once -= 1

    async def _play(self, request: web.Request) -> web.StreamResponse:
        received = Received(
            request.path_qs, {name.lower(): value for name, value in request.headers.items()}, await request.read()
        )
        step = self.script.pop(0) if self.script else 200
        async with self._came:
            self.received.append(received)
            self._came.notify_all()
        if step == HANG:
            await asyncio.Event().wait()
        if step == HUGE:
            return await self._endless(request)
        if step == BREAK_OFF:
            answer = web.StreamResponse(headers={"Content-Length": "1000"})
            await answer.prepare(request)
            await answer.write(b"only this")
            assert request.transport is not None
            request.transport.close()
            return answer
        status, headers = step if isinstance(step, tuple) else (step, {})
        assert isinstance(status, int)
        return web.Response(status=status, headers=headers, body=b"thank you")

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(_CHUNK)
            self.sent_bytes += len(_CHUNK)
