"""PostgreSQL killed under load and started again: clients wait or are told so, and the ledger comes back by itself."""

import time

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


def hang(database: EmbeddedPostgres) -> None:
    """Stop all processes of the database, as a disk that does not answer would."""
    server = psutil.Process(database.pid)
    for process in (server, *server.children()):
        process.suspend()


def test_a_database_that_hangs_dies_and_returns_loses_and_repeats_nothing(
    tight_instance: Instance, external_database: EmbeddedPostgres, fault_round: int
) -> None:
    wait_until(lambda: is_ready(tight_instance), "ready")
    books = Books(tight_instance)
    late = Payment(f"{books.world}-late", (Leg(books.world, books.accounts[0], 5),))
    headers = {"Idempotency-Key": late.key, "Content-Type": "application/json"}
    with BackgroundLoad(books) as load:
        load.wait_for_answers(300)
        with Api(tight_instance.url) as client:
            # First it hangs: whoever answers now, without the disk, is caught when it never goes on.
            hang(external_database)
            assert client.post("/v1/payments", content=late.body(), headers=headers).status_code in HONEST
            external_database.kill()
            wait_until(lambda: not is_ready(tight_instance), "not ready any more")
            for path in (f"/v1/accounts/{books.accounts[0]}", f"/v1/accounts/{books.accounts[0]}/entries", "/v1/ledger/totals"):
                answer = client.get(path)
                assert answer.status_code in HONEST, answer.text
                assert answer.json()["retryable"]
            assert client.get("/healthz").status_code == 200
            assert client.get("/metrics").status_code == 200
        started = time.monotonic()
        external_database.start()
        wait_until(lambda: is_ready(tight_instance), "ready again")
        load.wait_for_answers(300)
    print(f"payments were taken again {time.monotonic() - started:.2f} s after the start of the database")
    # Refused or unknown a moment ago, the payment now happens exactly once.
    books.send([late])
    books.check()


def test_a_database_restarted_in_order_loses_and_repeats_nothing(
    tight_instance: Instance, external_database: EmbeddedPostgres, fault_round: int
) -> None:
    wait_until(lambda: is_ready(tight_instance), "ready")
    books = Books(tight_instance)
    with BackgroundLoad(books) as load:
        load.wait_for_answers(300)
        external_database.stop()
        external_database.start()
        load.wait_for_answers(300)
    books.check()
