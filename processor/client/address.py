"""Where the API listens, and the bytes that every request to it begins with."""

import re
from urllib.parse import urlsplit

import msgspec

DEFAULT_URL = "http://127.0.0.1:8000"
_PRINTABLE = re.compile(r"[!-~]+")


class BadUrl(ValueError):
    """The text is not a URL that the client can use. The message says what to write instead."""


class Address(msgspec.Struct, frozen=True):
    """Host, port and path prefix of the API."""

    host: str
    port: int
    prefix: str
    is_tls: bool

    @property
    def url(self) -> str:
        """The address as people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.is_tls else 'http'}://{host}:{self.port}{self.prefix}"

    def head(self, method: str, path: str, *headers: str) -> bytes:
        """Return a request's first bytes, up to the headers that differ from request to request."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = (f"{method} {self.prefix}{path} HTTP/1.1", f"Host: {host}:{self.port}", *headers, "")
        return "\r\n".join(lines).encode("latin-1")


def parse_address(url: str) -> Address:
    """Return the address in `url`, for example `http://127.0.0.1:8000`. Raises BadUrl."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUrl(f"{url!r} is not a URL ({error}): write it like {DEFAULT_URL}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not _PRINTABLE.fullmatch(url):
        raise BadUrl(f"{url!r} is not an http or https URL: write it like {DEFAULT_URL}")
    if parts.query or parts.fragment or parts.username is not None:
        raise BadUrl(f"{url!r} has a query, a fragment or a user name: leave them out, as in {DEFAULT_URL}")
    is_tls = parts.scheme == "https"
    return Address(parts.hostname, port or (443 if is_tls else 80), parts.path.rstrip("/"), is_tls)
