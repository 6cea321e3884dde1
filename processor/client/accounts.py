"""Opening many accounts at once, and reading them back."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.client.reply import Reply, UnexpectedAnswer
from processor.client.together import run_together

CONNECTIONS = 32


class Place(msgspec.Struct, frozen=True):
    """The shard and the sequence that an answer stands for."""

    shard: int
    sequence: int


class Account(msgspec.Struct, frozen=True):
    """An account as the API shows it; balances in minor units."""

    id: str
    currency: str
    posted: int | str
    pending_in: int | str
    pending_out: int | str
    as_of: Place


_decode = msgspec.json.Decoder(Account).decode


async def open_accounts(url: str, ids: Sequence[str], currency: str, min_balance: int | None) -> list[Account]:
    """Open an account under each id and return them in order; one that is there already with the same terms is as good.

    Raises UnexpectedAnswer (for example when an id is taken by an account with other terms), Unavailable, BadUrl.
    """

    async def open_one(connection: Connection, account: str) -> Reply:
        body = {"id": account, "currency": currency, "min_balance": min_balance}
        return await connection.post("/v1/accounts", msgspec.json.encode(body))

    return await _for_each(url, ids, open_one)


async def read_accounts(url: str, ids: Sequence[str]) -> list[Account]:
    """Read the accounts and return them in order. Raises UnexpectedAnswer, Unavailable, BadUrl."""

    async def read_one(connection: Connection, account: str) -> Reply:
        return await connection.get(f"/v1/accounts/{account}")

    return await _for_each(url, ids, read_one)


async def _for_each(url: str, ids: Sequence[str], ask: Callable[[Connection, str], Awaitable[Reply]]) -> list[Account]:
    address = parse_address(url)
    indexes = iter(range(len(ids)))
    accounts: dict[int, Account] = {}

    async def drive() -> None:
        async with Connection(address) as connection:
            for index in indexes:
                reply = await ask(connection, ids[index])
                if not 200 <= reply.status < 300:
                    raise UnexpectedAnswer(f"account {ids[index]}: {reply.status} {reply.problem()}")
                accounts[index] = _account(reply)

    await run_together(drive() for _ in range(min(CONNECTIONS, len(ids))))
    return [accounts[index] for index in range(len(ids))]


def _account(reply: Reply) -> Account:
    try:
        return _decode(reply.body)
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswer(f"the answer about an account is not as expected ({error})") from None
