"""The books of payments with a whole life: every answer, and whether the ledger, its journal and its lists agree with them."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec
import uvloop

from processor.client.accounts import read_accounts
from processor.client.reply import Reply
from processor.core import events as e
from processor.core.ids import payment_id
from tests.system.ledger.books import Books
from tests.system.ledger.exchange import get_all, post_all
from tests.system.ledger.hosts import owned_shards
from tests.system.ledger.journal_reading import PlacedEvent, read_events
from tests.system.ledger.lives import Life, LifeSupply, Request, Step
from tests.system.ledger.waiting import wait_until

_CONNECTIONS = 8


class LifeBooks:
    """Lives on the accounts of some books, and the first answer to every request about them."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.supply = LifeSupply(books.world, books.accounts, Random(books.world))
        self.lives: list[Life] = []
        self.operations: Counter[str] = Counter()
        self.accepted: set[str] = set()
        self._answers: list[tuple[Request, int, bytes]] = []
        self._begin = {shard.shard: shard.sequence for shard in owned_shards(books.instance)}

    def settle_creation(self, life: Life, reply: Reply) -> bool:
        """Write down the answer to a life's first request; return whether there is a payment now."""
        self._answers.append((life.creation(), reply.status, reply.body))
        body = msgspec.json.decode(reply.body)
        if reply.status != 201:
            assert (reply.status, body["code"]) == (422, "insufficient_funds"), body
            return False
        life.payment_id = body["id"]
        self.lives.append(life)
        return True

    def settle(self, step: Step, reply: Reply) -> None:
        """Write down the answer to a later request."""
        self._answers.append((step.request, reply.status, reply.body))
        operation = step.settle(reply.status, msgspec.json.decode(reply.body))
        if operation is not None:
            assert operation not in self.accepted, f"two operations are {operation}"
            self.accepted.add(operation)
            self.operations[step.verb] += 1

    def check(self) -> None:
        """Assert that the ledger agrees, once nothing travels and all short holds are over."""
        wait_until(self._has_ended, "no hold is left that should have expired")
        wait_until(self.books.is_at_rest, "no money in transit")
        self._check_payments()
        self._check_replays()
        self._check_balances()
        self._check_journal()
        proof = self.books.instance.run("verify")
        assert proof.returncode == 0, proof.stdout + proof.stderr

    def _has_ended(self) -> bool:
        short = [life for life in self.lives if life.ends_by_itself and any(life.held)]
        if any(payment["held"] for payment in self._read(short)):
            return False
        for life in short:
            life.held = (0,) * len(life.held)
        return True

    def _check_payments(self) -> None:
        found = [(p["id"], p["held"], p["captured"], p["refunded"]) for p in self._read(self.lives)]
        assert found == [(life.payment_id, sum(life.held), sum(life.captured), sum(life.refunded)) for life in self.lives]

    def _check_replays(self) -> None:
        replies = post_all(self.books.instance.url, [request for request, _, _ in self._answers], _CONNECTIONS)
        for (request, status, body), reply in zip(self._answers, replies, strict=True):
            assert (reply.status, reply.body) == (status, body), request
            assert reply.is_replayed, request

    def _check_balances(self) -> None:
        posted, pending_out, pending_in = self.books.balances(), Counter[str](), Counter[str]()
        for life in self.lives:
            for leg, moved, held in zip(life.legs, life.left, life.held, strict=True):
                posted[leg.from_account] -= moved
                posted[leg.to] += moved
                pending_out[leg.from_account] += held
                pending_in[leg.to] += held
        names = [self.books.world, *self.books.accounts]
        expected = [(name, posted[name], pending_out[name], pending_in[name]) for name in names]

        def balances() -> list[tuple[str, object, object, object]]:
            accounts = uvloop.run(read_accounts(self.books.instance.url, names))
            return [(account.id, account.posted, account.pending_out, account.pending_in) for account in accounts]

        # What is released at a payment's home is released on other hosts a little later.
        wait_until(lambda: [row[3] for row in balances()] == [row[3] for row in expected], f"pending as in {expected}")
        assert balances() == expected

    def _check_journal(self) -> None:
        """Assert that exactly the operations that were acknowledged are in the journal: each once, and no others."""
        ours = {life.payment_id for life in self.lives}
        found: Counter[str] = Counter()
        for shard, begin in self._begin.items():
            found.update(_operations(read_events(self.books.instance, shard, begin), ours))
        assert found == Counter(self.accepted)

    def _read(self, lives: Sequence[Life]) -> list[dict[str, Any]]:
        replies = get_all(self.books.instance.url, [f"/v1/payments/{life.payment_id}" for life in lives], _CONNECTIONS)
        assert {reply.status for reply in replies} <= {200}
        return [msgspec.json.decode(reply.body) for reply in replies]


def _operations(events: list[PlacedEvent], payments: set[str]) -> list[str]:
    """Return the ids of the operations that clients asked for and that took effect on these payments of a shard."""
    committed = {placed.event.number for placed in events if isinstance(placed.event, e.Decided) and not placed.event.result}
    found = []
    for placed in events:
        event, (at, shard, sequence, index) = placed.event, placed.place
        match event:
            case e.Captured() | e.Refunded():
                is_done = True
            case e.Released():
                is_done = event.key is not None
            case e.RefundReserved():
                is_done = event.number in committed
            case _:
                continue
        if is_done and payment_id(event.at, shard, event.sequence, event.index) in payments:
            found.append("op_" + payment_id(at, shard, sequence, index).removeprefix("pay_"))
    return found
