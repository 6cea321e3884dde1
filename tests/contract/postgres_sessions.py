"""What tests need to know of, or do to, the server's other sessions."""

import asyncpg


async def until_somebody_waits_for_a_lock(session: asyncpg.Connection) -> int:
    """Return the pid of the first session that is seen to wait for a lock."""
    while True:
        pid = await session.fetchval("SELECT pid FROM pg_locks WHERE NOT granted LIMIT 1")
        if pid is not None:
            return int(pid)


async def end_sessions(session: asyncpg.Connection, query_like: str = "%") -> int:
    """End the database's other sessions whose last query is like this; return how many there were."""
    ended = await session.fetch(
        """
        SELECT pg_terminate_backend(pid, 5000)
        FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND query LIKE $1
        """,
        query_like,
    )
    return len(ended)
