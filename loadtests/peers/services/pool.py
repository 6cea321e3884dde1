"""The connections of a peer to its database."""

import os
from contextlib import AbstractAsyncContextManager

import asyncpg

DATABASE_URL = "PEER_DATABASE_URL"
"""The variable that names the database."""


def open_pool(connections: int) -> AbstractAsyncContextManager[asyncpg.Pool]:
    """Return a pool of so many connections, all open from the beginning."""
    pool: AbstractAsyncContextManager[asyncpg.Pool] = asyncpg.create_pool(
        os.environ[DATABASE_URL], min_size=connections, max_size=connections, reset=_keep_session
    )
    return pool


async def _keep_session(connection: object) -> None:
    """Reset nothing: no request changes its session, and asyncpg's own reset would cost each one a round trip."""
