"""An account's statement and the ledger's trial balance, as the API gives them."""

from typing import Literal, TypeVar

import msgspec

from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.reply import Reply, UnexpectedAnswer

_PAGE_ENTRIES = 100
Kind = TypeVar("Kind")


class Entry(msgspec.Struct, frozen=True):
    """One line on an account. Amounts are in minor units, as text above 2^53-1."""

    payment_id: str
    kind: str
    direction: Literal["debit", "credit"]
    amount: int | str
    posted_after: int | str
    at: str

    @property
    def change(self) -> int:
        """The amount with its sign: what the entry added to the balance."""
        return int(self.amount) if self.direction == "credit" else -int(self.amount)


class _Page(msgspec.Struct, frozen=True):
    data: list[Entry]
    has_more: bool
    next_cursor: str | None


class Total(msgspec.Struct, frozen=True):
    """One currency of the trial balance: posted balances, and money under way between shards, sum to zero."""

    posted: int | str
    in_transit: int | str
    accounts: int


class _Totals(msgspec.Struct, frozen=True):
    currencies: dict[str, Total]


async def read_statement(address: Address, account: str) -> list[Entry]:
    """Return all entries of the account, newest first. Raises Unavailable, UnexpectedAnswer."""
    entries: list[Entry] = []
    cursor = ""
    async with Connection(address) as connection:
        while True:
            page = _decoded(await connection.get(f"/v1/accounts/{account}/entries?limit={_PAGE_ENTRIES}{cursor}"), _Page)
            entries += page.data
            if not page.has_more:
                return entries
            cursor = f"&cursor={page.next_cursor}"


async def read_totals(address: Address) -> dict[str, Total]:
    """Return the trial balance per currency. Raises Unavailable, UnexpectedAnswer."""
    async with Connection(address) as connection:
        return _decoded(await connection.get("/v1/ledger/totals"), _Totals).currencies


def _decoded(reply: Reply, kind: type[Kind]) -> Kind:
    reply.require_success()
    try:
        return msgspec.json.decode(reply.body, type=kind)
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswer(f"an answer is not as expected ({error})") from None
