"""A connection to PostgreSQL that comes back by itself, and what its errors mean to the journal."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import asyncpg
import msgspec

from processor.journal.interface import JournalUnavailable, LedgerUnusable
from processor.journal.postgres.database import check_guarantees
from processor.journal.postgres.login import login

FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


class Timeouts(msgspec.Struct, frozen=True):
    """How long to wait for a connection, and for the answer to one statement."""

    connect_seconds: float = 5.0
    command_seconds: float = 10.0


DEFAULT_TIMEOUTS = Timeouts()

_NO_BUNDLE = (
    "the certificates by which the database's own is verified are not there: let sslrootcert in the database URL, or PGSSLROOTCERT, "
    "name the file that has them"
)


@contextmanager
def journal_errors() -> Iterator[None]:
    """Turn whatever can go wrong between us and the database into JournalUnavailable."""
    try:
        yield
    except asyncpg.UniqueViolationError:
        raise  # The statement was refused as a whole, and we know it.
    except FAILURES as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise JournalUnavailable(f"the database does not answer as it should: {reason}") from error


async def connect(dsn: str, timeouts: Timeouts) -> asyncpg.Connection:
    """Return a new connection to a server that can write. Raises JournalUnavailable, LedgerUnusable."""
    with journal_errors():
        try:
            return await asyncpg.connect(
                **login(dsn),
                timeout=timeouts.connect_seconds,
                command_timeout=timeouts.command_seconds,
                # The statements never change, so their plans need not expire.
                max_cached_statement_lifetime=0,
                # After a failover the old address may lead to a standby.
                target_session_attrs="read-write",
            )
        except ssl.SSLCertVerificationError:
            raise  # It is a ValueError too, and the URL is right.
        except FileNotFoundError:
            raise LedgerUnusable(_NO_BUNDLE) from None
        except ValueError as error:
            if "root certificate file" in str(error):
                raise LedgerUnusable(_NO_BUNDLE) from None
            # The reason is left out because it may quote the URL, which holds a password.
            raise LedgerUnusable("the database URL is wrong: use postgresql://user:password@host:port/database") from None


class Link:
    """One connection, on which statements run one after another. An error drops it; the next statement makes a new one."""

    def __init__(self, dsn: str, timeouts: Timeouts, *, durable: bool = False, session: str = "") -> None:
        """Connect at the first statement. `durable`: only to a server whose commits are on disk (LedgerUnusable otherwise).

        `session`: statements that a new connection begins with, such as SET.
        """
        self._dsn = dsn
        self._timeouts = timeouts
        self._durable = durable
        self._session = session
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement and return its rows. Raises JournalUnavailable: nobody knows then whether it took effect."""
        async with self.use() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            return rows

    async def execute(self, query: str, *arguments: object) -> str:
        """Run a statement and return its status, like `INSERT 0 1`. Raises as `fetch` does, and UniqueViolationError."""
        async with self.use() as connection:
            status: str = await connection.execute(query, *arguments)
            return status

    @asynccontextmanager
    async def use(self) -> AsyncIterator[asyncpg.Connection]:
        """Give the connection for several statements in a row."""
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._connect()
            try:
                with journal_errors():
                    yield self._connection
            except asyncpg.UniqueViolationError:
                raise
            except BaseException:
                # Cancelled ones too: the server may still be at work on the statement.
                self._drop()
                raise

    async def close(self) -> None:
        """Close the connection once it is free."""
        async with self._turn:
            if self._connection is not None:
                with suppress(*FAILURES):
                    await self._connection.close(timeout=self._timeouts.connect_seconds)
                self._connection = None

    async def _connect(self) -> asyncpg.Connection:
        connection = await connect(self._dsn, self._timeouts)
        try:
            with journal_errors():
                if self._durable:
                    await check_guarantees(connection)
                if self._session:
                    await connection.execute(self._session)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
