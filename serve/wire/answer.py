"""What a route hands back to be sent."""

import msgspec

Header = tuple[bytes, bytes]

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer; the application adds Content-Length and Request-Id."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    content_type: bytes = JSON


encode_json = msgspec.json.Encoder().encode
