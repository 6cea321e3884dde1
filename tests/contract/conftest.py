"""Runs the contract suite over every implementation, and offers projections to fill and to read."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from processor.projections.reader import ProjectionReader
from processor.projections.snapshots import SCHEMA
from tests.aws import EmulatedAws
from tests.contract.dynamodb_ledger import DynamoDbLedger
from tests.contract.ledgers import Ledger, MemoryLedger, PostgresLedger
from tests.contract.mirrored_ledger import MirroredLedger
from tests.contract.projection_rows import make_schema

ALL_STORES = ("memory", "postgres", "dynamodb", "mirrored")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the contract over all stores, or over those that its module names in STORES."""
    if "store" in metafunc.fixturenames:
        metafunc.parametrize("store", getattr(metafunc.module, "STORES", ALL_STORES), indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Ledger:
    """An empty ledger in one of the stores. Only tests of a store start its server."""
    match request.param:
        case "memory":
            return MemoryLedger()
        case "postgres":
            return PostgresLedger(request.getfixturevalue("database_url"))
    aws: EmulatedAws = request.getfixturevalue("aws")
    if request.param == "dynamodb":
        return DynamoDbLedger(aws.settings())
    return MirroredLedger(aws.settings(database_url=request.getfixturevalue("database_url")))


@pytest.fixture
async def ledger(store: Ledger, anyio_backend: str) -> AsyncIterator[Ledger]:
    """An empty ledger in each of the stores, closed after the test."""
    yield store
    await store.close()


@pytest.fixture
async def projections(database_url: str, anyio_backend: str) -> AsyncIterator[asyncpg.Connection]:
    """A session in a database with empty projections."""
    session = await asyncpg.connect(database_url, server_settings={"search_path": SCHEMA})
    await make_schema(session)
    yield session
    session.terminate()


@pytest.fixture
async def reader(database_url: str, projections: asyncpg.Connection) -> AsyncIterator[ProjectionReader]:
    """A reader of these projections."""
    reader = await ProjectionReader.connect(database_url)
    yield reader
    await reader.close()
