"""What tests need to know of, or do to, the server's other sessions."""

import asyncio

import asyncpg

_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"


async def until_somebody_waits_for_a_lock(session: asyncpg.Connection) -> int:
    """Return the pid of the first other session that is seen to wait for a lock."""
    while not (pid := await session.fetchval(f"SELECT pid {_OTHERS} AND wait_event_type = 'Lock' LIMIT 1")):
        await asyncio.sleep(0.01)
    return int(pid)


async def end_sessions(session: asyncpg.Connection, query_like: str = "%") -> int:
    """End the other sessions whose last query is like this; return how many there were."""
    ended = await session.fetch(f"SELECT pg_terminate_backend(pid, 5000) {_OTHERS} AND query LIKE $1", query_like)
    return len(ended)
