"""Errors as answers: `application/problem+json` (RFC 9457), one table of codes for the program, OpenAPI and the docs page."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from serve.wire.answer import Answer, Header, encode_json

PROBLEM_JSON = b"application/problem+json"


class Kind(NamedTuple):
    """What is the same for all problems with one code. `retryable`: the same request may succeed later."""

    status: int
    title: str
    retryable: bool = False


KINDS: dict[str, Kind] = {
    "invalid_json": Kind(400, "The body is not strict JSON"),
    "invalid_body": Kind(400, "The body does not have the members that the route takes"),
    "invalid_amount": Kind(400, "An amount is not a whole number of minor units within its bounds"),
    "unknown_currency": Kind(400, "A currency is not in ISO 4217, or has no minor unit"),
    "idempotency_key_required": Kind(400, "The request needs an idempotency key"),
    "invalid_idempotency_key": Kind(400, "The idempotency key is not 1 to 255 visible ASCII characters"),
    "invalid_parameter": Kind(400, "A query parameter is unknown or not valid"),
    "invalid_header": Kind(400, "A header is given twice or not valid"),
    "invalid_consistency_token": Kind(400, "The Consistency-Token was not issued by this ledger"),
    "cross_site_request": Kind(403, "A web page of another site may not ask for this"),
    "route_not_found": Kind(404, "There is nothing at this path"),
    "payment_not_found": Kind(404, "There is no such payment"),
    "webhook_not_found": Kind(404, "There is no such webhook"),
    "dead_letters_not_configured": Kind(404, "This instance does not use that queue"),
    "event_type_not_found": Kind(404, "There is no such type of event"),
    "method_not_allowed": Kind(405, "The path does not take this method"),
    "request_timeout": Kind(408, "The body took too long to arrive", True),
    "account_exists": Kind(409, "Another account has this id"),
    "account_not_empty": Kind(409, "The account still holds money"),
    "payment_not_held": Kind(409, "Nothing of the payment is held"),
    "webhook_exists": Kind(409, "There is a webhook like this"),
    "too_many_webhooks": Kind(409, "There are as many webhooks as there may be"),
    "webhook_disabled": Kind(409, "The webhook is disabled"),
    "redelivery_under_way": Kind(409, "The past is being sent again already"),
    "version_differs": Kind(412, "The account has another version"),
    "body_too_large": Kind(413, "The body is too large"),
    "batch_too_large": Kind(413, "The batch holds too many items"),
    "target_too_long": Kind(414, "The path and query are too long"),
    "unsupported_media_type": Kind(415, "The body is not application/json in UTF-8"),
    "account_not_found": Kind(422, "There is no such account"),
    "account_closed": Kind(422, "The account is closed"),
    "account_frozen": Kind(422, "The account is frozen"),
    "currency_mismatch": Kind(422, "The account holds another currency"),
    "same_account": Kind(422, "A leg names the same account twice"),
    "insufficient_funds": Kind(422, "The account does not have the money"),
    "limit_exceeded": Kind(422, "The account may not hold this much"),
    "amount_exceeds_held": Kind(422, "The payment does not hold this much"),
    "amount_exceeds_captured": Kind(422, "Not this much of the payment was captured and not yet refunded"),
    "balance_condition_failed": Kind(422, "An account does not fulfil a condition of the payment"),
    "idempotency_key_reused": Kind(422, "The idempotency key belongs to another request"),
    "webhook_url_refused": Kind(422, "The URL cannot be used"),
    "rate_limited": Kind(429, "The client sends too many requests", True),
    "headers_too_large": Kind(431, "The headers are too many or too large"),
    "internal_error": Kind(500, "This program failed"),
    "overloaded": Kind(503, "Too many requests are waiting", True),
    "shard_unavailable": Kind(503, "A shard is between hosts", True),
    "read_too_slow": Kind(503, "The read took too long", True),
    "reads_unavailable": Kind(503, "What was written cannot be read now", True),
    "webhooks_unavailable": Kind(503, "Webhooks cannot be read or changed now", True),
    "dead_letters_unavailable": Kind(503, "Dead letters cannot be read or moved now", True),
    "not_yet_visible": Kind(503, "The state that the token names is not visible yet", True),
    "not_ready": Kind(503, "The ledger is not ready", True),
    "outcome_unknown": Kind(504, "The outcome is not known", True),
}
"""By code. `account_not_found` is a 404 where an account itself is asked for."""


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with one member of the body (`pointer`, RFC 6901) or one query parameter (`parameter`)."""

    detail: str
    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET


class ProblemBody(msgspec.Struct, frozen=True, rename={"type_": "type"}):
    """A problem (RFC 9457). `code` is for programs, `detail` for people; `retryable` says whether to send the same again."""

    type_: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    retryable: bool
    errors: list[FieldError] | UnsetType = UNSET
    payment_id: str | UnsetType = UNSET


class Problem(Exception):
    """Raised anywhere below the application to answer with an error. `code` is one of KINDS."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: tuple[Header, ...] = (),
        status: int | None = None,
        payment_id: str | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.kind = KINDS[code]
        self.status = self.kind.status if status is None else status
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers
        self.payment_id = payment_id
        self.request_id = request_id

    def body(self, request_id: str) -> ProblemBody:
        """Return the problem as it is sent in answer to this request, or as it was to the first one if it is remembered."""
        return ProblemBody(
            type_=f"/docs#problem-{self.code}",
            title=self.kind.title,
            status=self.status,
            detail=self.detail,
            code=self.code,
            request_id=self.request_id or request_id,
            retryable=self.kind.retryable,
            errors=self.errors or UNSET,
            payment_id=self.payment_id or UNSET,
        )

    def within(self, pointer: str) -> "Problem":
        """Return the same problem where `pointer` leads to the part of the body that it is about."""
        self.errors = [FieldError(error.detail, f"{pointer}{error.pointer or ''}") for error in self.errors]
        return self

    def answer(self, request_id: str) -> Answer:
        """Return the problem as an HTTP answer."""
        return Answer(self.status, encode_json(self.body(request_id)), self.headers, PROBLEM_JSON, self.request_id)


def field_problem(code: str, pointer: str, detail: str) -> Problem:
    """Return a problem about one member of the body."""
    return Problem(code, f"`{pointer[1:] or 'body'}`: {detail}", errors=[FieldError(detail, pointer=pointer)])


def parameter_problem(parameter: str, detail: str) -> Problem:
    """Return a problem about one query parameter."""
    return Problem("invalid_parameter", f"`{parameter}`: {detail}", errors=[FieldError(detail, parameter=parameter)])


def retry_after(seconds: float) -> tuple[Header, ...]:
    """Return the Retry-After header: whole seconds, at least one."""
    return ((b"retry-after", str(max(1, -int(-seconds // 1))).encode()),)
