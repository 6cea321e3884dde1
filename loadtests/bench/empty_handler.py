"""An ASGI application that does nothing: what any Python service behind uvicorn is measured against."""

from collections.abc import Awaitable, Callable
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_ANSWER = b'{"id":"-"}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_ANSWER))]


class EmptyHandler:
    """Reads the body and answers at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body and answer."""
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _ANSWER})


app = EmptyHandler()
