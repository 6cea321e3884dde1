"""How many of the server's connections are taken: without a free one no host can come back."""

import msgspec

from processor.journal.postgres.queries import load_queries
from processor.journal.postgres.readers import Readers

_CONNECTIONS = load_queries("connections.sql")["connections"]


class DatabaseConnections(msgspec.Struct, frozen=True):
    """Connections of all clients to the server, and how many it allows."""

    used: int
    allowed: int


async def read_connections(readers: Readers) -> DatabaseConnections:
    """Return them as they are now. Raises JournalUnavailable."""
    [row] = await readers.fetch(_CONNECTIONS)
    return DatabaseConnections(row["used"], row["allowed"])
