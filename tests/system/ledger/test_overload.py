"""More payments at once than the queues may hold: refused at once, and all of them taken in the end."""

import asyncio

import httpx

from tests.system.instance import Instance
from tests.system.ledger.books import Books
from tests.system.ledger.conftest import TIGHT_QUEUE_MESSAGES
from tests.system.ledger.payments import Leg, Payment, batch_of

BATCHES = 40
BATCH_PAYMENTS = TIGHT_QUEUE_MESSAGES - 10  # one fits into the queue, and no second one beside it


async def send_all_at_once(url: str, bodies: list[bytes]) -> list[httpx.Response]:
    """Send every body as a batch on a connection of its own; return the answers."""
    limits = httpx.Limits(max_connections=len(bodies))
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
        headers = {"Content-Type": "application/json"}
        sending = (client.post("/v1/payments/batch", content=body, headers=headers) for body in bodies)
        return await asyncio.gather(*sending)


def test_an_overloaded_ledger_says_so_and_takes_everything_in_the_end(tight_ledger: Instance) -> None:
    books = Books(tight_ledger)
    # All from one account, so that a batch goes to one shard and is taken or refused as a whole.
    payments = [
        Payment(f"{books.world}-{number}", (Leg(books.world, books.accounts[number % len(books.accounts)], 1),))
        for number in range(BATCHES * BATCH_PAYMENTS)
    ]
    groups = [payments[start : start + BATCH_PAYMENTS] for start in range(0, len(payments), BATCH_PAYMENTS)]
    answers = asyncio.run(send_all_at_once(tight_ledger.url, [batch_of(group).body for group in groups]))

    refused = [answer for answer in answers if answer.status_code != 200]
    assert 0 < len(refused) < BATCHES
    for answer in refused:
        assert answer.status_code == 503
        assert answer.json()["code"] == "overloaded"
        assert answer.json()["retryable"] is True
        assert int(answer.headers["Retry-After"]) >= 1

    outcomes = books.send(payments)
    assert {outcome.status for outcome in outcomes} == {201}
    taken = sum(len(group) for group, answer in zip(groups, answers, strict=True) if answer.status_code == 200)
    assert sum(outcome.replayed for outcome in outcomes) >= taken
    books.check()
