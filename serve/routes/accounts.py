"""Accounts: open, read, freeze, unfreeze, close."""

from base64 import b32encode
from secrets import token_bytes

import msgspec
from msgspec import UNSET

from processor.core.messages import AccountAnswer, AccountView, Metadata, OpenAccount, SetStatus, Status
from processor.core.results import Result
from processor.core.routing import shard_of
from serve.bodies.accounts import AccountBody, EmptyBody, OpenAccountBody, account_body
from serve.bodies.values import whole
from serve.consistency import token_header, wait_for_past
from serve.ledger import expect
from serve.payments.currencies import MINOR_UNIT_DIGITS
from serve.payments.instructions import unknown_currency
from serve.payments.refusals import version_problem
from serve.routes.account import account_not_found, account_of, visible_account
from serve.routes.route import (
    ACCOUNT,
    BODY_PROBLEMS,
    CONSISTENCY_TOKEN,
    IF_MATCH,
    LEDGER_PROBLEMS,
    LIST_PROBLEMS,
    Parameter,
    Route,
)
from serve.wire.answer import Answer, encode_json
from serve.wire.conditional import etag, version_of
from serve.wire.parameters import past_time_of
from serve.wire.problems import Problem, field_problem
from serve.wire.request import Request
from serve.wire.strict_json import AMOUNT_RULE, decode

_open_decoder = msgspec.json.Decoder(OpenAccountBody)
_empty_decoder = msgspec.json.Decoder(EmptyBody)


async def open_account(request: Request) -> Answer:
    """Open an account: 201 the first time, 200 when the same is asked again, 409 when the id belongs to a different one."""
    message = _message(decode(_open_decoder, await request.body()), request.ledger.shards)
    answer = expect(await request.site.submissions.ask(request.ledger, message), AccountAnswer)
    if answer.result == Result.ACCOUNT_EXISTS:
        detail = f"Account {message.account} is already open with another currency, bounds or metadata; choose another id."
        raise Problem("account_exists", detail)
    account = _accepted(answer, message.account)
    request.site.acknowledged.note_one(message.shard, answer.sequence)
    location = (b"location", f"/v1/accounts/{account.id}".encode())
    headers = (token_header([(message.shard, answer.sequence)]), location, etag(account.version))
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
        raise account_not_found(account)
    match answer.result:
        case Result.ACCEPTED:
            return answer.account
        case Result.VERSION_DIFFERS:
            raise version_problem(account)
        case Result.ACCOUNT_NOT_EMPTY:
            raise Problem("account_not_empty", f"Account {account} still holds money, or some is on its way; move it first.")
        case Result.ACCOUNT_CLOSED:
            raise Problem("account_closed", f"Account {account} is closed for good.")
        case Result.ACCOUNT_FROZEN:
            raise Problem("account_frozen", f"Account {account} is frozen; unfreeze it first.")
    raise TypeError(f"the ledger answered about an account with {answer.result!r}")


async def read_account(request: Request) -> Answer:
    """Read an account as it is, or with `at` as it was."""
    at = past_time_of(request.query, "at")
    account, shard = account_of(request)
    answer = await visible_account(request, account, shard)
    view = _accepted(answer, account)
    token = token_header([(shard, answer.sequence)])
    if at is None:
        return Answer(200, encode_json(account_body(view, shard, answer.sequence)), (token, etag(view.version)))
    if view.opened_at > at:
        raise account_not_found(account, "It was opened after that time.")
    await wait_for_past(request, shard, answer.sequence, at + 1)
    balances = (await request.ledger.reads.balances_at(account, at)).balances
    then = (0, 0, 0, 0)
    if balances is not None:
        then = (balances.posted, balances.pending_in, balances.pending_out, balances.place.sequence)
    posted, pending_in, pending_out, sequence = then
    view = msgspec.structs.replace(view, posted=posted, pending_in=pending_in, pending_out=pending_out)
    return Answer(200, encode_json(account_body(view, shard, sequence)), (token,))


async def _set_status(request: Request, status: Status) -> Answer:
    account, shard = account_of(request)
    body = await request.body()
    if body:
        decode(_empty_decoder, body)
    message = SetStatus(shard, account, status, version_of(request.headers))
    answer = expect(await request.site.submissions.ask(request.ledger, message), AccountAnswer)
    view = _accepted(answer, account)
    request.site.acknowledged.note_one(shard, answer.sequence)
    headers = (token_header([(shard, answer.sequence)]), etag(view.version))
    return Answer(200, encode_json(account_body(view, shard, answer.sequence)), headers)


async def freeze_account(request: Request) -> Answer:
    """Stop payments from and to an account."""
    return await _set_status(request, "frozen")


async def unfreeze_account(request: Request) -> Answer:
    """Let a frozen account pay and be paid again."""
    return await _set_status(request, "open")


async def close_account(request: Request) -> Answer:
    """Close an empty account for good."""
    return await _set_status(request, "closed")


_STATUS_PROBLEMS = ("account_not_found", "account_closed", "version_differs", *BODY_PROBLEMS, *LEDGER_PROBLEMS)
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
        "With `at` the balances of that instant; `as_of` then names the record of their newest change. The `ETag` is the account's "
        "`version`: sent as `If-Match` with a change, it is refused (412) if the account has changed in between.",
        None,
        (
            ACCOUNT,
            Parameter("at", "query", "An instant in the past, with its zone.", {"type": "string", "format": "date-time"}),
            CONSISTENCY_TOKEN,
        ),
        ("account_not_found", *LIST_PROBLEMS),
    ),
    Route(
        "POST", "/v1/accounts/{id}/freeze", freeze_account, "Freeze an account", "Accounts", {200: AccountBody},
        "Payments from and to it are refused until it is unfrozen. Freezing a frozen account changes nothing.",
        EmptyBody, (ACCOUNT, IF_MATCH), _STATUS_PROBLEMS,
    ),
    Route(
        "POST", "/v1/accounts/{id}/unfreeze", unfreeze_account, "Unfreeze an account", "Accounts", {200: AccountBody},
        "Unfreezing an open account changes nothing.",
        EmptyBody, (ACCOUNT, IF_MATCH), _STATUS_PROBLEMS,
    ),
    Route(
        "POST", "/v1/accounts/{id}/close", close_account, "Close an account", "Accounts", {200: AccountBody},
        "For good, and only when all its balances are zero.",
        EmptyBody, (ACCOUNT, IF_MATCH), (*_STATUS_PROBLEMS, "account_not_empty"),
    ),
)  # fmt: skip
