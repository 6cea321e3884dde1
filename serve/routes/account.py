"""The account that a path names."""

from processor.core.messages import AccountAnswer, AccountView, ReadAccount
from processor.core.routing import shard_of
from serve.bodies.values import is_account_id
from serve.consistency import read_visible, seen_by_client
from serve.ledger import expect
from serve.wire.problems import Problem
from serve.wire.request import Request


def account_of(request: Request) -> tuple[str, int]:
    """Return the account that the path names, and its shard. Raises Problem if no account can have such an id."""
    account = request.parameter
    if not is_account_id(account):
        raise Problem("account_not_found", "No account can have such an id: it has 1 to 64 of A-Z a-z 0-9 _ . : -", status=404)
    return account, shard_of(account, request.ledger.shards)


async def visible_account(request: Request, account: str, shard: int) -> AccountAnswer:
    """Return the account as it is, no older than the request's Consistency-Token. Raises Problem, LedgerError."""
    seen = seen_by_client(request).get(shard, 0)

    async def read() -> AccountAnswer:
        return expect(await request.ledger.ask(ReadAccount(shard, account)), AccountAnswer)

    return await read_visible(request, read, lambda answer: answer.sequence >= seen)


async def existing_account(request: Request, account: str, shard: int) -> tuple[AccountView, int]:
    """Return the account, and the sequence at which it was read. Raises Problem, LedgerError."""
    answer = await visible_account(request, account, shard)
    if answer.account is None:
        raise account_not_found(account)
    return answer.account, answer.sequence


def account_not_found(account: str, detail: str = "Open it first, or correct the id.") -> Problem:
    """Return the problem of an account that does not exist."""
    return Problem("account_not_found", f"There is no account {account[:64]}. {detail}", status=404)
