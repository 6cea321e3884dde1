"""Accounts: open, read, entries, freeze, unfreeze, close."""

import time
from base64 import b32encode
from secrets import token_bytes

import msgspec
from msgspec import UNSET

from processor.core.messages import AccountAnswer, AccountView, Metadata, OpenAccount, ReadAccount, SetStatus, Status
from processor.core.results import Result
from processor.core.routing import shard_of
from serve.bodies.accounts import AccountBody, EmptyBody, EntriesBody, OpenAccountBody, account_body, entries_body
from serve.bodies.values import is_account_id, whole
from serve.consistency import read_visible, seen_by_client, token_header
from serve.ledger import BadCursor, EntryPage, expect
from serve.limits import CLOCK_DIFFERENCE_SECONDS_MAX, CURSOR_CHARACTERS_MAX, PAGE_DEFAULT, PAGE_MAX
from serve.payments.currencies import MINOR_UNIT_DIGITS
from serve.payments.instructions import unknown_currency
from serve.routes.route import ACCOUNT, BODY_PROBLEMS, CONSISTENCY_TOKEN, LEDGER_PROBLEMS, READ_PROBLEMS, Parameter, Route
from serve.wire.answer import Answer, encode_json
from serve.wire.problems import Problem, field_problem, parameter_problem
from serve.wire.request import Request
from serve.wire.strict_json import AMOUNT_RULE, decode
from serve.wire.timestamps import parse_rfc3339

_open_decoder = msgspec.json.Decoder(OpenAccountBody)
_empty_decoder = msgspec.json.Decoder(EmptyBody)


async def open_account(request: Request) -> Answer:
    """Open an account: 201 the first time, 200 when the same is asked again, 409 when the id belongs to a different one."""
    message = _message(decode(_open_decoder, await request.body()), request.ledger.shards)
    answer = expect(await request.site.submissions.run(request.ledger.ask(message)), AccountAnswer)
    if answer.result == Result.ACCOUNT_EXISTS:
        detail = f"Account {message.account} is already open with another currency, bounds or metadata; choose another id."
        raise Problem("account_exists", detail)
    account = _accepted(answer, message.account)
    headers = (token_header([(message.shard, answer.sequence)]), (b"location", f"/v1/accounts/{account.id}".encode()))
    body = encode_json(account_body(account, message.shard, answer.sequence))
    return Answer(201 if answer.created else 200, body, headers)


def _message(body: OpenAccountBody, shards: int) -> OpenAccount:
    if body.currency not in MINOR_UNIT_DIGITS:
        raise unknown_currency(body.currency)
    lowest, highest = _bound(body.min_balance, "/min_balance"), _bound(body.max_balance, "/max_balance")
    if lowest is not None and highest is not None and lowest > highest:
        raise field_problem("invalid_amount", "/max_balance", "must not be below `min_balance`")
    account = _new_id() if body.account is UNSET else body.account
    metadata: Metadata | None = dict(sorted(body.metadata.items())) if body.metadata else None
    return OpenAccount(shard_of(account, shards), account, body.currency, lowest, highest, metadata)


def _bound(value: int | str | None, pointer: str) -> int | None:
    if value is None:
        return None
    number = whole(value)
    if number is None:
        raise field_problem("invalid_amount", pointer, AMOUNT_RULE)
    return number


def _new_id() -> str:
    """Return `acc_` and 26 characters of base 32: 130 random bits."""
    return f"acc_{b32encode(token_bytes(17)).decode().lower()[:26]}"


def _accepted(answer: AccountAnswer, account: str) -> AccountView:
    """Return the account. Raises Problem: there is none, or its state forbids what was asked."""
    if answer.result == Result.ACCOUNT_NOT_FOUND or answer.account is None:
        raise _not_found(account)
    match answer.result:
        case Result.ACCEPTED:
            return answer.account
        case Result.ACCOUNT_NOT_EMPTY:
            raise Problem("account_not_empty", f"Account {account} still holds money, or some is on its way; move it first.")
        case Result.ACCOUNT_CLOSED:
            raise Problem("account_closed", f"Account {account} is closed for good.")
        case Result.ACCOUNT_FROZEN:
            raise Problem("account_frozen", f"Account {account} is frozen; unfreeze it first.")
    raise TypeError(f"the ledger answered about an account with {answer.result!r}")


def _not_found(account: str, detail: str = "Open it first, or correct the id.") -> Problem:
    return Problem("account_not_found", f"There is no account {account[:64]}. {detail}", status=404)


def _account_of(request: Request) -> tuple[str, int]:
    """Return the account that the path names, and its shard. Raises Problem if no account can have such an id."""
    account = request.parameter
    if not is_account_id(account):
        raise Problem("account_not_found", "No account can have such an id: it has 1 to 64 of A-Z a-z 0-9 _ . : -", status=404)
    return account, shard_of(account, request.ledger.shards)


async def read_account(request: Request) -> Answer:
    """Read an account as it is, or with `at` as it was."""
    at = _instant(request.query.get("at"))
    account, shard = _account_of(request)
    seen = seen_by_client(request).get(shard, 0)

    async def read() -> AccountAnswer:
        return expect(await request.ledger.ask(ReadAccount(shard, account)), AccountAnswer)

    answer = await read_visible(request, read, lambda answer: answer.sequence >= seen)
    view = _accepted(answer, account)
    sequence = answer.sequence
    if at is not None:
        then = await request.ledger.balances_at(account, at)
        if then is None:
            raise _not_found(account, "It was opened after that time.")
        view, sequence = then, then.last_sequence
    return Answer(200, encode_json(account_body(view, shard, sequence)), (token_header([(shard, answer.sequence)]),))


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    at = parse_rfc3339(text)
    if at is None:
        raise parameter_problem("at", "must be an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z")
    if at > (time.time() + CLOCK_DIFFERENCE_SECONDS_MAX) * 1_000_000:
        raise parameter_problem("at", "lies in the future, where no balance is known yet")
    return at


async def read_entries(request: Request) -> Answer:
    """Read a page of an account's entries, newest first."""
    limit, cursor = _limit(request.query.get("limit")), request.query.get("cursor")
    if cursor is not None and not (0 < len(cursor) <= CURSOR_CHARACTERS_MAX and cursor.isascii() and cursor.isprintable()):
        raise parameter_problem("cursor", "send the `next_cursor` of the page before unchanged")
    account, shard = _account_of(request)
    seen = seen_by_client(request).get(shard, 0)

    async def read() -> EntryPage:
        page = await request.ledger.entries(account, cursor, limit)
        if page is None:
            raise _not_found(account)
        return page

    try:
        page = await read_visible(request, read, lambda page: page.sequence >= seen)
    except BadCursor:
        raise parameter_problem("cursor", "send the `next_cursor` of the page before unchanged") from None
    return Answer(200, encode_json(entries_body(page)), (token_header([(shard, page.sequence)]),))


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE_DEFAULT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= PAGE_MAX):
        raise parameter_problem("limit", f"must be a whole number from 1 to {PAGE_MAX}")
    return int(text)


async def _set_status(request: Request, status: Status) -> Answer:
    account, shard = _account_of(request)
    body = await request.body()
    if body:
        decode(_empty_decoder, body)
    answer = expect(await request.site.submissions.run(request.ledger.ask(SetStatus(shard, account, status))), AccountAnswer)
    view = _accepted(answer, account)
    return Answer(200, encode_json(account_body(view, shard, answer.sequence)), (token_header([(shard, answer.sequence)]),))


async def freeze_account(request: Request) -> Answer:
    """Stop payments from and to an account."""
    return await _set_status(request, "frozen")


async def unfreeze_account(request: Request) -> Answer:
    """Let a frozen account pay and be paid again."""
    return await _set_status(request, "open")


async def close_account(request: Request) -> Answer:
    """Close an empty account for good."""
    return await _set_status(request, "closed")


_LIMIT = {"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT}
_STATUS_PROBLEMS = ("account_not_found", "account_closed", *BODY_PROBLEMS, *LEDGER_PROBLEMS)
ROUTES = (
    Route(
        "POST", "/v1/accounts", open_account, "Open an account", "Accounts", {201: AccountBody, 200: AccountBody},
        "Without an `id` the account gets one. The same id with the same body answers 200 with the account as it is now. "
        "Let `min_balance` be null for accounts that stand for the outside world.",
        OpenAccountBody, (), ("invalid_amount", "unknown_currency", "account_exists", *BODY_PROBLEMS, *LEDGER_PROBLEMS),
        {
            "An account that stands for the outside world": {"id": "world", "currency": "EUR", "min_balance": None},
            "A customer's account": {"id": "acc_alice", "currency": "EUR", "metadata": {"customer": "1017"}},
            "Another customer's account": {"id": "acc_bob", "currency": "EUR"},
        },
    ),
    Route(
        "GET", "/v1/accounts/{id}", read_account, "Read an account", "Accounts", {200: AccountBody},
        "With `at` the balances of that instant; `as_of` then names the account's newest entry at that time.",
        None,
        (
            ACCOUNT,
            Parameter("at", "query", "An instant in the past, with its zone.", {"type": "string", "format": "date-time"}),
            CONSISTENCY_TOKEN,
        ),
        ("account_not_found", *READ_PROBLEMS),
    ),
    Route(
        "GET", "/v1/accounts/{id}/entries", read_entries, "List an account's entries", "Accounts", {200: EntriesBody},
        "Newest first. Send `next_cursor` back as `cursor` for the next page.",
        None,
        (
            ACCOUNT,
            Parameter("limit", "query", "Entries per page.", _LIMIT),
            Parameter("cursor", "query", "Where the page before ended.", {"type": "string", "maxLength": CURSOR_CHARACTERS_MAX}),
            CONSISTENCY_TOKEN,
        ),
        ("account_not_found", *READ_PROBLEMS),
    ),
    Route(
        "POST", "/v1/accounts/{id}/freeze", freeze_account, "Freeze an account", "Accounts", {200: AccountBody},
        "Payments from and to it are refused until it is unfrozen. Freezing a frozen account changes nothing.",
        EmptyBody, (ACCOUNT,), _STATUS_PROBLEMS,
    ),
    Route(
        "POST", "/v1/accounts/{id}/unfreeze", unfreeze_account, "Unfreeze an account", "Accounts", {200: AccountBody},
        "Unfreezing an open account changes nothing.",
        EmptyBody, (ACCOUNT,), _STATUS_PROBLEMS,
    ),
    Route(
        "POST", "/v1/accounts/{id}/close", close_account, "Close an account", "Accounts", {200: AccountBody},
        "For good, and only when all its balances are zero.",
        EmptyBody, (ACCOUNT,), (*_STATUS_PROBLEMS, "account_not_empty"),
    ),
)  # fmt: skip
