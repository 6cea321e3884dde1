"""PostgreSQL killed under load and started again: clients wait or are told so, and the ledger comes back by itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from processor.local.postgres import EmbeddedPostgres
from tests.system.instance import Instance
from tests.system.ledger.api import Api
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books
from tests.system.ledger.hosts import is_ready
from tests.system.ledger.payments import Leg, Payment
from tests.system.ledger.waiting import wait_until

# Without a journal nothing may be promised, and nothing shown that another owner could have changed meanwhile.
HONEST = {503, 504}


@contextmanager
def hung(database: EmbeddedPostgres) -> Iterator[None]:
    """Stop all processes of the database, as a disk that does not answer would; in the end they are killed."""
    server = psutil.Process(database.pid)
    for process in (server, *server.children()):
        process.suspend()
    try:
        yield
    finally:
        database.kill()


def test_a_database_that_hangs_dies_and_returns_loses_and_repeats_nothing(
    tight_ledger: Instance, external_database: EmbeddedPostgres, fault_round: int
) -> None:
    books = Books(tight_ledger)
    late = Payment(f"{books.world}-late", (Leg(books.world, books.accounts[0], 5),))
    headers = {"Idempotency-Key": late.key, "Content-Type": "application/json"}
    with BackgroundLoad(books) as load:
        load.wait_for_answers(300)
        with Api(tight_ledger.url) as client:
            # First it hangs: whoever promises something now has not waited for the disk.
            with hung(external_database):
                assert client.post("/v1/payments", content=late.body(), headers=headers).status_code in HONEST
            wait_until(lambda: not is_ready(tight_ledger), "not ready any more")
            for path in (f"/v1/accounts/{books.accounts[0]}", f"/v1/accounts/{books.accounts[0]}/entries", "/v1/ledger/totals"):
                answer = client.get(path)
                assert answer.status_code in HONEST, answer.text
                assert answer.json()["retryable"]
            assert client.get("/healthz").status_code == 200
            assert client.get("/metrics").status_code == 200
        started = time.monotonic()
        external_database.start()
        wait_until(lambda: is_ready(tight_ledger), "ready again")
        load.wait_for_answers(300)
    print(f"payments were taken again {time.monotonic() - started:.2f} s after the start of the database")
    # Refused or unknown a moment ago, the payment now happens exactly once.
    books.send([late])
    books.check()


def test_a_database_restarted_in_order_loses_and_repeats_nothing(
    tight_ledger: Instance, external_database: EmbeddedPostgres, fault_round: int
) -> None:
    books = Books(tight_ledger)
    with BackgroundLoad(books) as load:
        load.wait_for_answers(300)
        external_database.stop()
        external_database.start()
        load.wait_for_answers(300)
    books.check()
