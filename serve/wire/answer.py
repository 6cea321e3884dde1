"""What a route hands back to be sent."""

import msgspec

Header = tuple[bytes, bytes]

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer; the application adds Content-Length and Request-Id.

    `request_id` is that of a first answer which this one repeats; empty: that of the request at hand.
    """

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    content_type: bytes = JSON
    request_id: str = ""


encode_json = msgspec.json.Encoder().encode
