"""An account's past: entries and statements."""

import re
import time

from processor.core.messages import AccountView
from serve.bodies.entries import EntriesBody, StatementBody, entries_body, statement_body
from serve.consistency import token_header, wait_for_past
from serve.reads import BadCursor
from serve.routes.account import account_of, existing_account
from serve.routes.route import ACCOUNT, CONSISTENCY_TOKEN, CURSOR, LIMIT, LIST_PROBLEMS, Parameter, Route
from serve.statement_file import statement_chunks
from serve.wire.answer import CSV, Answer, Header, encode_json
from serve.wire.parameters import Query, bad_cursor, cursor_of, limit_of, past_time_of
from serve.wire.problems import parameter_problem
from serve.wire.request import Request

# Two times in microseconds, with at most 56 bits each, before the projections' own cursor.
_CURSOR = re.compile(r"(-?[0-9a-f]{1,14})\.(-?[0-9a-f]{1,14})\.(.+)")


async def read_entries(request: Request) -> Answer:
    """Read a page of an account's entries, newest first."""
    limit, cursor = limit_of(request.query), cursor_of(request.query)
    account, shard = account_of(request)
    view, sequence = await existing_account(request, account, shard)
    try:
        page = await request.ledger.reads.entries(shard, account, view.last_sequence, cursor, limit)
    except BadCursor:
        raise bad_cursor() from None
    return Answer(200, encode_json(entries_body(page)), (token_header([(shard, sequence)]),))


async def read_statement(request: Request) -> Answer:
    """Read an account's statement, a page of it as JSON or all of it as CSV."""
    is_csv, limit, cursor = _wants_csv(request), limit_of(request.query), cursor_of(request.query)
    from_at, to_at = past_time_of(request.query, "from"), past_time_of(request.query, "to")
    account, shard = account_of(request)
    view, sequence = await existing_account(request, account, shard)
    if cursor is not None and not is_csv:
        first_at, last_at, cursor = _times_of(cursor)
        from_at, to_at = first_at if from_at is None else from_at, last_at if to_at is None else to_at
    from_at = view.opened_at if from_at is None else from_at
    to_at = time.time_ns() // 1_000 if to_at is None else to_at
    if from_at > to_at:
        raise parameter_problem("from", "must not be later than `to`")
    await wait_for_past(request, shard, sequence, to_at)
    token = token_header([(shard, sequence)])
    if is_csv:
        return await _csv(request, account, from_at, to_at, token)
    return await _page(request, view, from_at, to_at, cursor, limit, token)


async def _page(
    request: Request, view: AccountView, from_at: int, to_at: int, cursor: str | None, limit: int, token: Header
) -> Answer:
    try:
        page = await request.ledger.reads.statement(view.id, from_at, to_at, cursor, limit)
    except BadCursor:
        raise bad_cursor() from None
    following = None if page.next_cursor is None else f"{from_at:x}.{to_at:x}.{page.next_cursor}"
    return Answer(200, encode_json(statement_body(view.id, view.currency, from_at, to_at, page, following)), (token,))


async def _csv(request: Request, account: str, from_at: int, to_at: int, token: Header) -> Answer:
    chunks = statement_chunks(await request.ledger.reads.statement_file(account, from_at, to_at), from_at, to_at)
    return Answer(200, await anext(chunks), (token,), CSV, chunks=chunks)


def _wants_csv(request: Request) -> bool:
    """Whether the query, or else the Accept header, asks for CSV. Raises Problem."""
    query: Query = request.query
    wanted = query.get("format")
    if wanted is None:
        return b"text/csv" in request.headers.get(b"accept", b"").lower()
    if wanted not in ("csv", "json"):
        raise parameter_problem("format", "must be `csv` or `json`")
    return wanted == "csv"


def _times_of(cursor: str) -> tuple[int, int, str]:
    """Return which statement the cursor goes on with: `to` may have been left out at its first page. Raises Problem."""
    parts = _CURSOR.fullmatch(cursor)
    if parts is None:
        raise bad_cursor()
    return int(parts[1], 16), int(parts[2], 16), parts[3]


_TIME = {"type": "string", "format": "date-time"}
ROUTES = (
    Route(
        "GET", "/v1/accounts/{id}/entries", read_entries, "List an account's entries", "Accounts", {200: EntriesBody},
        "Newest first. Send `next_cursor` back as `cursor` for the next page.",
        None, (ACCOUNT, LIMIT, CURSOR, CONSISTENCY_TOKEN), ("account_not_found", *LIST_PROBLEMS),
    ),
    Route(
        "GET", "/v1/accounts/{id}/statement", read_statement, "Read an account's statement", "Accounts",
        {200: StatementBody},
        "Oldest line first, with the balances around them; all pages are of the same lines. As `text/csv` (asked for with "
        "`format=csv` or the `Accept` header) it has all lines, between a row for the opening and one for the closing balance.",
        None,
        (
            ACCOUNT,
            Parameter("from", "query", "The time of the first line, with its zone; if nothing is said, when it was opened.", _TIME),
            Parameter("to", "query", "The time before which the lines lie; if nothing is said, now.", _TIME),
            Parameter("format", "query", "`csv` or `json`.", {"type": "string", "enum": ["csv", "json"]}, example="csv"),
            LIMIT, CURSOR, CONSISTENCY_TOKEN,
        ),
        ("account_not_found", *LIST_PROBLEMS),
        other_media=(CSV.decode(),),
    ),
)  # fmt: skip
