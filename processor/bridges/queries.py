"""The SQL of this package."""

from collections.abc import Awaitable, Callable

import asyncpg

from processor.journal.postgres.queries import load_queries as load_queries_of

Fetch = Callable[..., Awaitable[list[asyncpg.Record]]]
"""Runs a statement with its arguments on the ledger's database, such as `Link.fetch` and `Readers.fetch`. Raises JournalUnavailable."""


def load_queries(file_name: str) -> dict[str, str]:
    """Return the queries of one file under sql/ by name."""
    return load_queries_of(file_name, __package__)
