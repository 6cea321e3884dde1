"""One entry of the route table: what the application calls, and what OpenAPI and the docs page tell about it."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from serve.limits import CURSOR_CHARACTERS_MAX, PAGE_DEFAULT, PAGE_MAX
from serve.wire.answer import Answer
from serve.wire.request import Request

Handler = Callable[[Request], Awaitable[Answer]]


class Parameter(msgspec.Struct, frozen=True):
    """A variable part of the path, a query parameter or a header."""

    name: str
    place: Literal["path", "query", "header"]
    description: str
    schema: dict[str, Any]
    required: bool = False
    example: str | int | None = None


class Route(msgspec.Struct, frozen=True):
    """A method on a path. `answers` gives the type of the body per status (a string: its media type; None: no body); `problems` the codes.

    `other_media` are media types in which the first answer may be had too.
    `query_names` is made of the parameters.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Handler
    summary: str
    tag: str
    answers: dict[int, Any]
    description: str = ""
    request: Any = None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[str, ...] = ()
    examples: dict[str, Any] = {}
    other_media: tuple[str, ...] = ()
    query_names: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        names = frozenset(parameter.name for parameter in self.parameters if parameter.place == "query")
        msgspec.structs.force_setattr(self, "query_names", names)


CONSISTENCY_TOKEN = Parameter(
    "Consistency-Token",
    "header",
    "From an earlier answer: the read shows at least that state, after a wait of up to 2 seconds.",
    {"type": "string"},
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "1 to 255 visible ASCII characters; the same key always gives the same outcome.",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    required=True,
    example="order-1001",
)
IF_MATCH = Parameter(
    "If-Match",
    "header",
    "The account's version, in quotes, as its `ETag` gave it: nothing is done if the account has changed since.",
    {"type": "string", "pattern": '^"(0|[1-9][0-9]{0,17})"$'},
)
ACCOUNT = Parameter("id", "path", "The account's id.", {"type": "string"}, required=True, example="acc_alice")
BODY_PROBLEMS = (
    "invalid_json", "invalid_body", "body_too_large", "unsupported_media_type", "request_timeout", "cross_site_request",
)  # fmt: skip
LEDGER_PROBLEMS = ("overloaded", "shard_unavailable", "outcome_unknown")
_LIMIT = {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT}
LIMIT = Parameter("limit", "query", "Items per page.", _LIMIT)
CURSOR = Parameter(
    "cursor", "query", "The `next_cursor` of the page before.", {"type": "string", "maxLength": CURSOR_CHARACTERS_MAX}
)
READ_PROBLEMS = ("invalid_parameter", "invalid_consistency_token", "not_yet_visible", "overloaded", "shard_unavailable")
LIST_PROBLEMS = (*READ_PROBLEMS, "reads_unavailable", "read_too_slow")
