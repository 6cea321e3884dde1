"""The API's description: for programs (OpenAPI) and for people (a page)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from serve.documentation.openapi import openapi_document
from serve.documentation.page import docs_page
from serve.routes.route import Route
from serve.wire.answer import HTML, Answer, encode_json
from serve.wire.request import Request

_HOST = re.compile(rb"([A-Za-z0-9.-]{1,100}|\[[0-9a-fA-F:.]{2,45}\])(:[0-9]{1,5})?")
_PAGE_HEADERS = ((b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),)


def documentation_routes(table: Sequence[Route]) -> tuple[Route, ...]:
    """Return the routes that describe the table. It is read when they are first asked, so it may hold them too."""

    @lru_cache(maxsize=1)
    def document() -> bytes:
        return encode_json(openapi_document(table))

    @lru_cache(maxsize=8)
    def page(host: str) -> bytes:
        return docs_page(openapi_document(table), f"http://{host}").encode()

    async def read_openapi(request: Request) -> Answer:
        """Describe the API to programs."""
        return Answer(200, document())

    async def read_docs(request: Request) -> Answer:
        """Describe the API to people."""
        return Answer(200, page(_host_of(request)), _PAGE_HEADERS, HTML)

    return (
        Route("GET", "/openapi.json", read_openapi, "This description, as OpenAPI 3.1", "Operations", {200: "application/json"}),
        Route("GET", "/docs", read_docs, "This description, as a page", "Operations", {200: HTML.decode()}),
    )


def _host_of(request: Request) -> str:
    """Return the host and port that the client used, for examples that can be pasted."""
    host = request.headers.get(b"host", b"")
    return host.decode() if _HOST.fullmatch(host) else "127.0.0.1:8000"
