"""What a route hands back to be sent."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

import msgspec

Header = tuple[bytes, bytes]

JSON = b"application/json"
CSV = b"text/csv; charset=utf-8"
HTML = b"text/html; charset=utf-8"
EVENT_STREAM = b"text/event-stream"


@runtime_checkable
class Closing(Protocol):
    """Chunks that hold something until they are closed, whether they were taken or not."""

    async def aclose(self) -> None:
        """Let it go."""
        ...


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An HTTP answer; the application adds Request-Id, and Content-Length unless there are `chunks`.

    With `chunks` the body is `body` and then what they give, however much that is. `request_id` is that of a first answer which
    this one repeats; empty: that of the request at hand.
    """

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    content_type: bytes = JSON
    request_id: str = ""
    chunks: AsyncIterator[bytes] | None = None


encode_json = msgspec.json.Encoder().encode
