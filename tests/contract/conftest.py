"""Runs the contract suite over every implementation."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.ledgers import Ledger, MemoryLedger, PostgresLedger


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Ledger:
    """An empty ledger in one of the stores. Only tests of PostgreSQL make a database."""
    return MemoryLedger() if request.param == "memory" else PostgresLedger(request.getfixturevalue("database_url"))


@pytest.fixture
async def ledger(store: Ledger, anyio_backend: str) -> AsyncIterator[Ledger]:
    """An empty ledger in each of the stores, closed after the test."""
    yield store
    await store.close()
