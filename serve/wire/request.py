"""One HTTP request: its headers, its query, and its body within its limits."""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from itertools import chain
from typing import Any
from urllib.parse import unquote_plus

from serve.limits import BODY_BYTES_MAX, BODY_SECONDS_MAX, HEADER_BYTES_MAX, HEADERS_MAX, TARGET_BYTES_MAX
from serve.site import Site
from serve.wire.problems import Problem, parameter_problem

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_SINGLE = (
    b"content-length",
    b"content-type",
    b"content-encoding",
    b"idempotency-key",
    b"consistency-token",
    b"prefer",
    b"if-match",
)
_CHANGING = ("POST", "DELETE")
# Browsers say where a request comes from (https://www.w3.org/TR/fetch-metadata/). Until there is authentication, any page that is
# open beside a local ledger could otherwise post payments to it.
_OWN_SITE = (b"none", b"same-origin")
METADATA_PARAMETER = "metadata[name]"
"""In a route's parameters it stands for any name between the brackets."""
_METADATA = re.compile(r"metadata\[.+\]", re.DOTALL)
_JSON_TYPE = re.compile(rb"application/json[ \t]*(;[ \t]*charset[ \t]*=[ \t]*\"?utf-8\"?[ \t]*)?;?", re.IGNORECASE)


class ClientDisconnected(Exception):
    """The client went away before its request was complete."""


class Request:
    """A request as routes see it.

    `parameter` is the variable part of the path, `query` holds the query's parameters, `id` is what Request-Id answers.
    """

    __slots__ = ("_is_late", "_receive", "headers", "id", "ledger", "parameter", "query", "scope", "site")

    def __init__(self, scope: Scope, receive: Receive, site: Site) -> None:
        self.scope = scope
        self._receive = receive
        self._is_late = False
        self.site = site
        self.ledger = site.ledger
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.parameter = ""
        self.query: dict[str, str] = {}
        self.id = ""

    def check_limits(self) -> None:
        """Raise Problem if target or headers are too large, or a header that means one thing is given twice."""
        given = self.scope["headers"]
        if len(given) > HEADERS_MAX or sum(map(len, chain.from_iterable(given))) > HEADER_BYTES_MAX:
            raise Problem("headers_too_large", f"Send at most {HEADERS_MAX} headers of {HEADER_BYTES_MAX} bytes in all.")
        if len(self.scope["path"]) + len(self.scope["query_string"]) > TARGET_BYTES_MAX:
            raise Problem("target_too_long", f"Path and query may have {TARGET_BYTES_MAX} bytes.")
        if self.headers.get(b"sec-fetch-site", b"none") not in _OWN_SITE and self.scope["method"] in _CHANGING:
            raise Problem("cross_site_request", "Send it from a program, or from a page that this server itself serves.")
        if len(self.headers) != len(given):
            names = [name for name, _ in given]
            for name in _SINGLE:
                if names.count(name) > 1:
                    raise Problem("invalid_header", f"The header `{name.decode()}` is given twice; send it once.")

    def read_query(self, allowed: frozenset[str]) -> None:
        """Fill `query`. Raises Problem for a parameter that is not in `allowed`, is given twice, or is not UTF-8."""
        text = self.scope["query_string"]
        if not text:
            return
        for part in text.decode("latin-1").split("&"):
            raw_name, _, raw_value = part.partition("=")
            name, value = _unquoted(raw_name), _unquoted(raw_value)
            if name not in allowed and not (_METADATA.fullmatch(name) and METADATA_PARAMETER in allowed):
                known = ", ".join(f"`{known}`" for known in sorted(allowed)) or "none"
                raise parameter_problem(name[:80], f"this route does not know it; its parameters: {known}")
            if name in self.query:
                raise parameter_problem(name, "it is given twice; give it once")
            self.query[name] = value

    async def body(self) -> bytes:
        """Return the whole body. Raises Problem as soon as it is known to be too large, late or not JSON by its headers."""
        self._check_content_headers()
        # A timer by hand: asyncio.timeout takes three times as long, and nearly every body is there already.
        task = asyncio.current_task()
        assert task is not None
        timer = asyncio.get_running_loop().call_later(BODY_SECONDS_MAX, self._give_up, task)
        try:
            return await self._read()
        except asyncio.CancelledError:
            if self._is_late and task.uncancel() == 0:
                raise Problem("request_timeout", f"Send the body within {BODY_SECONDS_MAX:.0f} seconds.") from None
            raise
        finally:
            timer.cancel()

    async def until_gone(self) -> None:
        """Return when the client has gone, or has been answered. Only for requests whose body is not read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        self._is_late = True
        task.cancel()

    async def _read(self) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientDisconnected
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > BODY_BYTES_MAX:
                raise _body_too_large()
            if not message.get("more_body", False):
                return b"".join((*chunks, chunk)) if chunks else chunk
            chunks.append(chunk)

    def _check_content_headers(self) -> None:
        headers = self.headers
        length = headers.get(b"content-length")
        # A length that is not a number never gets here through a real server; the count while reading holds in any case.
        if length is not None and length.isdigit() and (len(length) > 15 or int(length) > BODY_BYTES_MAX):
            raise _body_too_large()
        kind = headers.get(b"content-type")
        if kind is not None and kind != b"application/json" and not _JSON_TYPE.fullmatch(kind):
            raise Problem("unsupported_media_type", "Send the body as `Content-Type: application/json` in UTF-8.")
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise Problem("unsupported_media_type", "Send the body without a Content-Encoding.")


def _unquoted(text: str) -> str:
    """Return the text with its percent escapes undone, and plus signs as spaces, as forms are sent."""
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise Problem("invalid_parameter", "The query is not percent-encoded UTF-8.") from None


def _body_too_large() -> Problem:
    return Problem("body_too_large", f"The body may have {BODY_BYTES_MAX} bytes; send several smaller requests.")
