"""What the API answered: a status, the headers, the body."""

import msgspec

RETRYABLE_STATUSES = frozenset((429, 502, 503, 504))
_REPLAYED = b"idempotency-replayed"


class Problem(msgspec.Struct, frozen=True):
    """The members of a problem body (RFC 9457) that a client acts on."""

    code: str = ""
    detail: str = ""
    title: str = ""
    payment_id: str | None = None

    def __str__(self) -> str:
        text = self.detail or self.title
        return f"{self.code}: {text}" if self.code and text else self.code or text


class UnexpectedAnswer(Exception):
    """The API answered something that the client cannot go on with. The message is one line."""


_decode_problem = msgspec.json.Decoder(Problem).decode


class Reply(msgspec.Struct, frozen=True, gc=False):
    """One whole answer. Header names are in lower case."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def is_replayed(self) -> bool:
        """True if this is the remembered answer to an earlier request with the same key."""
        return self.headers.get(_REPLAYED) == b"true"

    @property
    def retry_after_seconds(self) -> float | None:
        """How long the API asks to wait before the next try; None if it does not say so in seconds."""
        text = self.headers.get(b"retry-after", b"")
        return float(text) if text.isdigit() else None

    def problem(self) -> Problem:
        """Return the problem in the body; one without a code if the body holds none."""
        try:
            return _decode_problem(self.body)
        except msgspec.MsgspecError:
            return Problem(detail=f"HTTP status {self.status}")

    def require_success(self) -> None:
        """Raise UnexpectedAnswer, with what the API said, unless the status is 2xx."""
        if not 200 <= self.status < 300:
            raise UnexpectedAnswer(f"the API answered {self.status}: {self.problem()}")
