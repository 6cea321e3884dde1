"""Lists of payments."""

from typing import get_args

from processor.core.messages import PaymentStatus
from processor.projections.payment_filters import BadFilter, PaymentFilters
from serve.bodies.payments import PaymentsBody
from serve.bodies.values import is_account_id
from serve.consistency import seen_by_client, token_header, wait_for_lists
from serve.limits import METADATA_KEY_CHARACTERS_MAX, METADATA_VALUE_CHARACTERS_MAX, REFERENCE_CHARACTERS_MAX
from serve.payments.currencies import MINOR_UNIT_DIGITS
from serve.payments.views import view_body
from serve.reads import BadCursor
from serve.routes.route import CONSISTENCY_TOKEN, CURSOR, LIMIT, LIST_PROBLEMS, Parameter, Route
from serve.wire.answer import Answer, encode_json
from serve.wire.parameters import Query, amount_of, bad_cursor, cursor_of, limit_of, time_of
from serve.wire.problems import parameter_problem
from serve.wire.request import METADATA_PARAMETER, Request

_STATUSES: tuple[PaymentStatus, ...] = get_args(PaymentStatus)


async def list_payments(request: Request) -> Answer:
    """Read a page of payments, newest first."""
    filters, limit, cursor = _filters(request.query), limit_of(request.query), cursor_of(request.query)
    seen = seen_by_client(request)
    if seen:
        await wait_for_lists(request, seen, must=True)
    else:
        # A client that has just paid here sees its payment, also without a token, unless that takes too long.
        await wait_for_lists(request, dict(request.site.acknowledged.positions), must=False)
    try:
        page = await request.ledger.reads.payments(filters, cursor, limit)
    except BadCursor:
        raise bad_cursor() from None
    payments = [view_body(listed.shard, listed.view) for listed in page.payments]
    body = PaymentsBody(payments, page.next_cursor is not None, page.next_cursor)
    return Answer(200, encode_json(body), (token_header(page.positions.items()),))


def _filters(query: Query) -> PaymentFilters:
    try:
        return PaymentFilters(
            account=_account(query.get("account")),
            status=_status(query.get("status")),
            reference=_text("reference", query.get("reference"), REFERENCE_CHARACTERS_MAX),
            currency=_currency(query.get("currency")),
            created_gte=time_of(query, "created[gte]"),
            created_lt=time_of(query, "created[lt]"),
            amount_gte=amount_of(query, "amount[gte]"),
            amount_lte=amount_of(query, "amount[lte]"),
            metadata=_metadata(query),
        )
    except BadFilter as error:
        name, _, detail = str(error).partition(": ")
        raise parameter_problem(name, detail) from None


def _account(text: str | None) -> str | None:
    if text is not None and not is_account_id(text):
        raise parameter_problem("account", "no account can have such an id: it has 1 to 64 of A-Z a-z 0-9 _ . : -")
    return text


def _status(text: str | None) -> PaymentStatus | None:
    if text is None:
        return None
    for status in _STATUSES:
        if text == status:
            return status
    raise parameter_problem("status", f"must be one of {', '.join(_STATUSES)}")


def _currency(text: str | None) -> str | None:
    if text is not None and text not in MINOR_UNIT_DIGITS:
        raise parameter_problem("currency", "must be an upper-case ISO 4217 code with a minor unit, such as EUR")
    return text


def _metadata(query: Query) -> dict[str, str] | None:
    """Return the pairs that a payment must have. The route lets no other names with brackets through."""
    pairs: dict[str, str] = {}
    for name, value in query.items():
        if name.startswith("metadata["):
            member = name.removeprefix("metadata[").removesuffix("]")
            if len(member) > METADATA_KEY_CHARACTERS_MAX:
                raise parameter_problem(name[:80], f"a name in metadata has up to {METADATA_KEY_CHARACTERS_MAX} characters")
            _text(name, value, METADATA_VALUE_CHARACTERS_MAX)
            pairs[member] = value
    return pairs or None


def _text(name: str, text: str | None, characters_max: int) -> str | None:
    if text is not None and len(text) > characters_max:
        raise parameter_problem(name, f"may have {characters_max} characters")
    return text


_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_AMOUNT = {"type": "integer", "minimum": 0}
ROUTES = (
    Route(
        "GET", "/v1/payments", list_payments, "List payments", "Payments", {200: PaymentsBody},
        "Newest first; all filters must match. Payments made meanwhile come before the first page and shift none that follows.",
        None,
        (
            Parameter("account", "query", "On either side of any leg.", _TEXT, example="acc_alice"),
            Parameter("status", "query", "As it stands.", {"type": "string", "enum": list(_STATUSES)}, example="succeeded"),
            Parameter("reference", "query", "Exactly this reference.", _TEXT),
            Parameter("currency", "query", "That of any leg.", _TEXT),
            Parameter("created[gte]", "query", "Made at this time or later.", _TIME),
            Parameter("created[lt]", "query", "Made before this time.", _TIME),
            Parameter("amount[gte]", "query", "At least so much in all legs, in minor units.", _AMOUNT),
            Parameter("amount[lte]", "query", "At most so much.", _AMOUNT),
            Parameter(METADATA_PARAMETER, "query", "This member of the metadata is exactly so; may be given for several names.", _TEXT),
            LIMIT, CURSOR, CONSISTENCY_TOKEN,
        ),
        LIST_PROBLEMS,
    ),
)  # fmt: skip
