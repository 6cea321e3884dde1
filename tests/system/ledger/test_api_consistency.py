"""What a client has been told it can read, on every shard and host; and what it has sent goes on without it."""

import socket

import pytest

from serve.consistency import token_header
from tests.system.instance import Instance
from tests.system.ledger.api import Api
from tests.system.ledger.books import Books
from tests.system.ledger.hosts import host_process, owned_shards
from tests.system.ledger.payments import Leg, Payment
from tests.system.ledger.waiting import wait_until

ROUNDS = 60


def test_a_read_with_the_token_of_a_payment_shows_it_on_both_accounts(ledger: Instance, api: Api, books: Books) -> None:
    """Most of these payments cross the hosts, where the other side is settled later."""
    host_of = {shard.shard: shard.host for shard in owned_shards(ledger)}
    expected = books.balances()
    crossings = 0
    for number in range(ROUNDS):
        payment = books.supply.next()
        from_account, to = payment.legs[0].from_account, payment.legs[0].to
        payment = Payment(payment.key, (Leg(from_account, to, 1),))
        answer = api.post("/v1/payments", content=payment.body(), headers={"Idempotency-Key": payment.key})
        assert answer.status_code == 201, answer.text
        expected[from_account] -= 1
        expected[to] += 1
        crossings += host_of[books.shards[from_account]] != host_of[books.shards[to]]
        token = {"Consistency-Token": answer.headers["Consistency-Token"]}
        for account in (to, from_account) if number % 2 else (from_account, to):
            read = api.get(f"/v1/accounts/{account}", headers=token)
            assert (read.status_code, read.json()["posted"]) == (200, expected[account])
            entries = api.get(f"/v1/accounts/{account}/entries", headers=token, params={"limit": 1}).json()["data"]
            assert entries[0]["payment_id"] == answer.json()["id"]
    assert crossings > ROUNDS // 10
    wait_until(lambda: in_transit(api) == {0}, "no money in transit")
    assert {account: api.get(f"/v1/accounts/{account}").json()["posted"] for account in books.accounts} == {
        account: expected[account] for account in books.accounts
    }


def in_transit(api: Api) -> set[int]:
    """Return the sums of money in transit, after checking that each is what the posted balances lack."""
    totals = api.get("/v1/ledger/totals").json()["currencies"].values()
    assert {int(total["posted"]) + int(total["in_transit"]) for total in totals} == {0}
    return {int(total["in_transit"]) for total in totals}


def test_a_token_from_the_future_is_not_yet_visible(api: Api) -> None:
    """As after a restore of an older journal: the read must not pretend."""
    account = api.open("alice")
    shard, sequence = account["as_of"]["shard"], account["as_of"]["sequence"]
    _, token = token_header([(shard, sequence + 1_000_000)])
    answer = api.get(f"/v1/accounts/{api.name('alice')}", headers={"Consistency-Token": token.decode()})
    assert (answer.status_code, answer.json()["code"]) == (503, "not_yet_visible")
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("is_batch", [False, True], ids=["single", "batch"])
def test_a_client_that_goes_away_does_not_take_its_payment_with_it(
    ledger: Instance, api: Api, books: Books, is_batch: bool
) -> None:
    account, other = books.accounts[:2]
    payment = Payment(f"{books.world}-abandoned-{is_batch}", (Leg(account, other, 3),))
    host = host_process(ledger, owned_shards(ledger)[books.shards[account]].pid)
    # While the host is stopped nothing can be committed, so the client is gone before its payment is.
    host.suspend()
    try:
        with socket.create_connection(("127.0.0.1", ledger.port)) as client:
            client.sendall(request_bytes(payment, is_batch))
            wait_until(lambda: api.in_flight() == 1, "the request is being answered")
    finally:
        host.resume()
    (outcome,) = books.send([payment])
    assert (outcome.status, outcome.replayed) == (201, True)
    books.check()


def request_bytes(payment: Payment, is_batch: bool) -> bytes:
    """Return a whole request as bytes."""
    body = b'{"payments":[%b]}' % payment.item() if is_batch else payment.body()
    path = b"/v1/payments/batch" if is_batch else b"/v1/payments"
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: %b\r\n" % (path, payment.key.encode())
    return b"%bContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
