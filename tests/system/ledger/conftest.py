"""One running instance for all tests of this folder, and another one with tight limits on a database that may die."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from processor.local.ports import free_port
from processor.local.postgres import EmbeddedPostgres
from tests.system.instance import Instance, new_folder
from tests.system.ledger.api import Api
from tests.system.ledger.books import Books
from tests.system.ledger.hosts import is_ready, wait_until_spread
from tests.system.ledger.waiting import wait_until

SHARD_HOSTS = 2
SHARDS = 4
TIGHT_QUEUE_MESSAGES = 100
# So little that most of what a test does has left the shards' memory before it ends: what happens then is tested by all of them.
MEMORY_OUTCOMES = 100
KEY_FILTER_BYTES = 65_536
FOLDER = Path(__file__).parent

_shared: list[Instance] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat the tests that ask for a `round` as often as PAYMENTS_FAULT_ROUNDS says."""
    if "fault_round" in metafunc.fixturenames:
        metafunc.parametrize("fault_round", range(int(os.environ.get("PAYMENTS_FAULT_ROUNDS", "1"))))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the last test of this folder, end the instance that they shared: it would take a fifth of a core while others run."""
    if nextitem is None or FOLDER not in nextitem.path.parents:
        _end_shared_instance()


def pytest_sessionfinish() -> None:
    """The same where tests were interrupted."""
    _end_shared_instance()


def _end_shared_instance() -> None:
    while _shared:
        _shared.pop().remove()


@pytest.fixture(scope="module")
def shared_instance() -> Instance:
    """A running instance with two shard hosts and little memory, for all files of this folder. Use `ledger`."""
    if not _shared:
        # Memory can only forget what is projected, and here most payments are made by tests that wait for nothing.
        memory = {"memory_outcomes": MEMORY_OUTCOMES, "key_filter_bytes": KEY_FILTER_BYTES, "projection_share": 0.6}
        receivers = {"webhook_allowed_networks": "127.0.0.0/8"}
        instance = Instance(new_folder(), shards=SHARDS, shard_hosts=SHARD_HOSTS, ray_port=free_port(), **memory, **receivers)
        _shared.append(instance)
        instance.start()
    return _shared[0]


@pytest.fixture
def ledger(shared_instance: Instance) -> Instance:
    """The shared instance, healed from what the test before has done to it."""
    wait_until_spread(shared_instance, SHARD_HOSTS)
    return shared_instance


@pytest.fixture
def books(ledger: Instance) -> Books:
    """New accounts on the shared instance."""
    return Books(ledger)


@pytest.fixture
def api(ledger: Instance) -> Iterator[Api]:
    """A client of the shared instance with account names of its own."""
    with Api(ledger.url) as client:
        yield client


@pytest.fixture(scope="module")
def external_server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the tests' own, which the tight instance takes for an external one. Use `external_database`."""
    folder = new_folder()
    server = EmbeddedPostgres(folder / "postgres")
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.location, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def external_database(external_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """The database of `tight_ledger`, running again whatever the test before has done to it."""
    if external_server.exit_code() is not None:
        external_server.start()
    return external_server


@pytest.fixture(scope="module")
def tight_instance(external_server: EmbeddedPostgres) -> Iterator[Instance]:
    """A running instance with one shard host, short queues and short timeouts. Use `tight_ledger`."""
    limits = {"queue_limit_messages": TIGHT_QUEUE_MESSAGES, "request_timeout_seconds": 2}
    tight = Instance(new_folder(), shards=2, database_url=external_server.dsn, **limits)
    try:
        yield tight.start()
    finally:
        tight.remove()


@pytest.fixture
def tight_ledger(tight_instance: Instance, external_database: EmbeddedPostgres) -> Instance:
    """The tight instance, healed from what the test before has done to it."""
    wait_until(lambda: is_ready(tight_instance), "ready")
    return tight_instance
