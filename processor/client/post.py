"""The prepared bytes of POST requests."""

from processor.client.address import Address

_CONTENT = b"Content-Type: application/json\r\nContent-Length: "
_KEY = b"Idempotency-Key: "


class Post:
    """Prepared bytes of POST requests to one path: only key and body are left to fill in."""

    def __init__(self, address: Address, path: str, *headers: str) -> None:
        self._plain = address.head("POST", path, *headers) + _CONTENT
        self._keyed = address.head("POST", path, *headers) + _KEY

    def fill(self, body: bytes, key: bytes | None = None) -> bytes:
        """Return one whole request."""
        if key is None:
            return b"%b%d\r\n\r\n%b" % (self._plain, len(body), body)
        return b"%b%b\r\n%b%d\r\n\r\n%b" % (self._keyed, key, _CONTENT, len(body), body)
