"""A database with a ledger, its story and its projections, and what the tables hold."""

from typing import Any, Self

import asyncpg

from processor.journal.interface import Journal
from processor.projections.projector import Projector
from processor.projections.rows import Key
from tests.contract.ledgers import Ledger
from tests.contract.story import Story, tell_everything

TABLES = (
    "positions", "accounts", "entries", "payments", "payment_accounts", "payment_currencies", "outcomes", "transfers",
)  # fmt: skip

Table = list[tuple[Any, ...]]


class Projected:
    """One ledger whose story is told; nothing of it is projected yet."""

    def __init__(self, dsn: str, story: Story, session: asyncpg.Connection) -> None:
        """Use `tell` instead."""
        self.dsn = dsn
        self.story = story
        self.session = session

    @classmethod
    async def tell(cls, ledger: Ledger, dsn: str) -> Self:
        """Create the ledger and write the whole story."""
        story = Story(await ledger.journal(), await ledger.shard_map())
        await tell_everything(story)
        return cls(dsn, story, await asyncpg.connect(dsn))

    async def rows(self, table: str) -> Table:
        """Return a table's rows in a fixed order."""
        return sorted((tuple(row) for row in await self.session.fetch(f"SELECT * FROM projections.{table}")), key=repr)

    async def everything(self) -> dict[str, Table]:
        """Return all rows of all tables."""
        return {table: await self.rows(table) for table in TABLES}

    async def payment(self, name: str) -> asyncpg.Record | None:
        """Return the row of the payment that the story calls so."""
        place: Key = tuple(self.story.places[name])
        return await self.session.fetchrow(
            "SELECT * FROM projections.payments WHERE (at, shard, sequence, index) = ($1, $2, $3, $4)", *place
        )

    async def lines(self, account: str) -> Table:
        """Return (kind, amount, posted, pending out, pending in) of an account's lines, oldest first."""
        rows = await self.session.fetch(
            "SELECT kind, amount, posted, pending_out, pending_in FROM projections.entries WHERE account = $1"
            " ORDER BY at, sequence, line",
            account,
        )
        return [tuple(row) for row in rows]


async def catch_up(dsn: str, batch_bytes: int = 1_000_000, journal: Journal | None = None) -> None:
    """Project everything with a new projector. `journal`: where the records are, if not in the same database."""
    projector = Projector(dsn, batch_bytes=batch_bytes, journal=journal)
    await projector.catch_up()
    await projector.close()
