"""Clients that want the same money at the same moment: a hold has one end, and nothing is taken twice."""

import asyncio
from collections import Counter
from itertools import count
from typing import Any

import msgspec
import pytest
import uvloop

from processor.client.address import parse_address
from processor.client.connection import Connection
from processor.client.post import Post
from processor.client.reply import Reply
from processor.core import events as e
from processor.core.ids import parse_payment_id
from processor.core.messages import Kind
from tests.system.instance import Instance
from tests.system.ledger.api import Api
from tests.system.ledger.books import Books
from tests.system.ledger.exchange import post_all
from tests.system.ledger.hosts import owned_shards
from tests.system.ledger.journal_reading import read_events
from tests.system.ledger.lives import Request
from tests.system.ledger.payments import CURRENCY
from tests.system.ledger.waiting import wait_until

ROUNDS = 10
HOLDS = 6
FUNDS = 600_000
DISTANCES = ("one shard", "one host", "two hosts")


class Pair:
    """Two accounts of some books, and what they should have."""

    def __init__(self, ledger: Instance, books: Books, api: Api, distance: str) -> None:
        self.ledger = ledger
        self._api = api
        self._numbers = count()
        self.payer, self.payee = _accounts(ledger, books, distance)
        self._fund(books.world)
        self.before = {account: self.balances(account)[0] for account in (self.payer, self.payee)}

    def _fund(self, world: str) -> None:
        """Give the payer more than clients can take in a second, cent by cent."""
        leg = {"from": world, "to": self.payer, "amount": FUNDS, "currency": CURRENCY}
        answer = self._api.submit("fund", leg)
        assert answer.status_code == 201, answer.text

    def make(self, amount: int, **members: object) -> str:
        """Make a payment, and return its id."""
        leg = {"from": self.payer, "to": self.payee, "amount": amount, "currency": CURRENCY}
        answer = self._api.submit(f"make-{next(self._numbers)}", leg | members)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def requests(self, identity: str, verb: str, copies: int, **members: object) -> list[Request]:
        """Return requests to do the same, with keys of their own."""
        body = msgspec.json.encode(members)
        path = f"/v1/payments/{identity}/{verb}"
        return [Request(path, self._api.name(f"race-{next(self._numbers)}"), body) for _ in range(copies)]

    def at_once(self, requests: list[Request]) -> list[Reply]:
        """Send all requests at once, each on a connection of its own."""
        return post_all(self.ledger.url, requests, len(requests))

    def balances(self, account: str) -> tuple[int, int, int]:
        """Return what is posted, pending out and pending in."""
        body = self._api.get(f"/v1/accounts/{account}").json()
        return body["posted"], body["pending_out"], body["pending_in"]

    def check(self, moved: int) -> None:
        """Assert that exactly so much has moved, and that nothing is held any more."""
        expected = [(self.before[self.payer] - moved, 0, 0), (self.before[self.payee] + moved, 0, 0)]
        wait_until(lambda: [self.balances(account) for account in (self.payer, self.payee)] == expected, f"{expected}")


def _accounts(ledger: Instance, books: Books, distance: str) -> tuple[str, str]:
    host_of = {shard.shard: shard.host for shard in owned_shards(ledger)}
    payer, *others = books.accounts
    home = books.shards[payer]

    def is_right(shard: int) -> bool:
        if distance == "one shard":
            return shard == home
        return shard != home and (host_of[shard] == host_of[home]) == (distance == "one host")

    return payer, next(account for account in others if is_right(books.shards[account]))


@pytest.fixture(params=DISTANCES)
def pair(request: pytest.FixtureRequest, ledger: Instance, books: Books, api: Api) -> Pair:
    """Two accounts with money, on one shard, on two of one host, or on two hosts."""
    return Pair(ledger, books, api, request.param)


def test_of_captures_and_voids_at_once_one_wins(pair: Pair, api: Api) -> None:
    moved = 0
    for _ in range(ROUNDS):
        identity = pair.make(50, mode="hold")
        captures, voids = pair.requests(identity, "capture", 4), pair.requests(identity, "void", 4)
        requests = [request for both in zip(captures, voids, strict=True) for request in both]
        replies = pair.at_once([*requests, captures[0], voids[0]])
        assert [reply.body for reply in replies[-2:]] == [replies[0].body, replies[1].body]
        won = {_body(reply)["operation"]["id"] for reply in replies if reply.status == 200}
        lost = {(reply.status, _body(reply)["code"]) for reply in replies if reply.status != 200}
        assert (len(won), lost) == (1, {(409, "payment_not_held")})
        payment = api.payment(identity)
        (winner,) = {_body(reply)["operation"]["kind"] for reply in replies if reply.status == 200}
        assert (payment["status"], payment["held"]) == ("succeeded" if winner == "capture" else "voided", 0)
        moved += payment["captured"]
    pair.check(moved)


@pytest.mark.parametrize(("verb", "code"), [("capture", "amount_exceeds_held"), ("refunds", "amount_exceeds_captured")])
def test_captures_or_refunds_at_once_take_no_more_than_there_is(pair: Pair, api: Api, verb: str, code: str) -> None:
    moved = 0
    for _ in range(ROUNDS):
        members = {"final": False} if verb == "capture" else {}
        identity = pair.make(100, **({"mode": "hold"} if verb == "capture" else {}))
        replies = pair.at_once(pair.requests(identity, verb, 7, amount=30, **members))
        assert Counter(reply.status for reply in replies) == {200 if verb == "capture" else 201: 3, 422: 4}
        assert {_body(reply)["code"] for reply in replies if reply.status == 422} == {code}
        payment = api.payment(identity)
        assert (payment["captured"], payment["refunded"]) == ((90, 0) if verb == "capture" else (100, 90))
        if verb == "capture":
            assert api.post(f"/v1/payments/{identity}/void").json()["operation"]["amount"] == 10
        moved += payment["captured"] - payment["refunded"]
    pair.check(moved)


def test_captures_and_voids_that_race_the_expiry_end_with_one_of_them(pair: Pair, api: Api) -> None:
    """Clients take one cent after the other until they are refused: all are there when the holds expire, or are voided."""
    holds = [pair.make(FUNDS // HOLDS, mode="hold", expires_in_seconds=1) for _ in range(HOLDS)]
    taken = uvloop.run(_capture_until_refused(pair, holds))
    ends = Counter[Kind]()
    for identity, captured in taken.items():
        payment = api.payment(identity)
        assert (payment["captured"], payment["held"], payment["refunded"]) == (captured, 0, 0)
        ends.update(_ends_within_time(pair.ledger, identity))
    assert ends == {Kind.VOID: HOLDS // 2, Kind.EXPIRY: HOLDS // 2}
    pair.check(sum(taken.values()))


async def _capture_until_refused(pair: Pair, holds: list[str]) -> Counter[str]:
    """Capture every hold from two clients; every other one is voided in the middle of it. Return what was captured of each."""
    taken: Counter[str] = Counter()

    async def take(number: int, identity: str) -> None:
        address = parse_address(pair.ledger.url)
        async with Connection(address) as connection:

            async def send(verb: str, **members: object) -> Reply:
                (request,) = pair.requests(identity, verb, 1, **members)
                return await connection.send(Post(address, request.path).fill(request.body, request.key.encode()))

            for done in count():
                reply = await send("capture", amount=1, final=False)
                if reply.status != 200:
                    break
                taken[identity] += 1
                if number % 2 and done == 5:
                    assert (await send("void")).status in (200, 409)
            assert (reply.status, _body(reply)["code"]) == (409, "payment_not_held")
            assert (await send("capture", amount=1)).status == 409
            assert (await send("void")).status == 409

    async with asyncio.TaskGroup() as clients:
        for number, identity in enumerate(holds):
            for _ in range(2):
                clients.create_task(take(number, identity))
    return taken


def _ends_within_time(ledger: Instance, identity: str) -> list[Kind]:
    """Return how the hold ended, as its journal says, after checking that nothing happened on the wrong side of its time."""
    place = parse_payment_id(identity)
    assert place is not None
    events = read_events(ledger, place.shard, place.sequence - 1)
    (held,) = (placed.event for placed in events if placed.place == place)
    assert isinstance(held, e.Held | e.Reserved)
    assert held.expires_at is not None
    ends = []
    for placed in events:
        event = placed.event
        if isinstance(event, e.Captured | e.Released) and (event.sequence, event.index) == place[2:]:
            is_expiry = isinstance(event, e.Released) and event.kind == Kind.EXPIRY
            assert is_expiry == (placed.place.at >= held.expires_at)
            ends += [event.kind] if isinstance(event, e.Released) else []
    return ends


def _body(reply: Reply) -> dict[str, Any]:
    return dict(msgspec.json.decode(reply.body))
