"""The generator's gevent side against a server that plays a script. gevent runs in a thread of its own, the server in asyncio."""

import asyncio
from collections.abc import Callable
from random import Random
from time import monotonic
from typing import TypeVar

from loadtests.generator.books import Books
from loadtests.generator.courier import Courier
from loadtests.generator.operations import Operations
from loadtests.generator.repeats import Repeats
from loadtests.measures.measurements import NO_ANSWER, Measurements
from loadtests.scenarios.templates import make_templates
from processor.client.address import Address
from processor.client.reply import Reply
from tests.scripted_server import HANG, ScriptedServer, answer
from tests.unit.load_plan import plan_of

Value = TypeVar("Value")
CREATED, REPLAYED = "201 Created", "Idempotency-Replayed: true"
FIRST = answer(b'{"id":"pay_1"}', CREATED)
ENOUGH_SECONDS, SHORT_SECONDS = 30.0, 0.3


def against(script: list[list[bytes]], act: Callable[[Address], Value]) -> tuple[Value, list[list[bytes]]]:
    """Return what `act` returns, and the requests that the server got."""

    async def scenario() -> tuple[Value, list[list[bytes]]]:
        async with ScriptedServer(*script) as server:
            return await asyncio.to_thread(act, server.address), server.requests

    return asyncio.run(scenario())


def send(address: Address, seconds: float = ENOUGH_SECONDS) -> tuple[Reply | None, list[str]]:
    reasons: list[str] = []
    courier = Courier(address, reasons.append)
    try:
        return courier.send(address.head("GET", "/readyz") + b"\r\n", monotonic() + seconds), reasons
    finally:
        courier.close()


def test_an_answer_in_pieces_is_put_together() -> None:
    (reply, reasons), _ = against([[answer(b"x" * 300_000)]], send)
    assert reply is not None
    assert (reply.status, len(reply.body), reasons) == (200, 300_000, [])


def test_an_overloaded_instance_and_a_lost_connection_are_asked_again() -> None:
    script = [[answer(b"{}", "503 Service Unavailable")], [], [answer(b"done")]]
    (reply, reasons), _ = against(script, send)
    assert reply is not None
    assert reply.body == b"done"
    assert (reasons[0], set(reasons[1:])) == ("503", {"connection lost"})


def test_no_answer_until_the_deadline_is_none() -> None:
    (reply, reasons), requests = against([[HANG]], lambda address: send(address, SHORT_SECONDS))
    assert (reply, reasons) == (None, [])
    assert len(requests[0]) == 1


class Sender:
    """Operations of one scenario against an address."""

    def __init__(self, address: Address, scenario: str, **changes: object) -> None:
        plan = plan_of(scenario, url=address.url, **changes)
        self.templates = make_templates(plan, 0)
        self.books = Books(len(self.templates))
        self.measurements = Measurements()
        self.operations = Operations(plan, 0, self.templates, self.books)
        self.courier = Courier(address, self.measurements.retry)

    def carry_out(self, number: int, seconds: float = ENOUGH_SECONDS) -> tuple[int, int]:
        done = self.operations.carry_out(self.courier, number, monotonic() + seconds)
        return done.status, done.paid


def test_an_accepted_payment_is_entered_and_a_refused_one_is_not() -> None:
    def act(address: Address) -> tuple[Sender, list[tuple[int, int]]]:
        sender = Sender(address, "random")
        return sender, [sender.carry_out(3), sender.carry_out(4)]

    refused = answer(b'{"code":"account_frozen"}', "422 Unprocessable Content")
    (sender, done), requests = against([[FIRST, refused]], act)
    assert done == [(201, 1), (422, 0)]
    assert sender.books.accepted == {3: 1}
    assert b"Idempotency-Key: lt-test.0.3\r\n" in requests[0][0]
    assert requests[0][0].endswith(sender.templates[3].body)


def test_a_payment_without_an_answer_is_to_be_asked_again() -> None:
    def act(address: Address) -> Sender:
        sender = Sender(address, "random")
        assert sender.carry_out(5, SHORT_SECONDS) == (NO_ANSWER, 0)
        return sender

    sender, _ = against([[HANG]], act)
    assert (sender.books.unresolved, sender.books.accepted) == ([5], {})


def test_a_hold_is_captured_by_its_id_under_the_same_key() -> None:
    def act(address: Address) -> tuple[int, int]:
        return Sender(address, "hold_capture").carry_out(0)

    done, requests = against([[FIRST, answer(b'{"id":"pay_1"}')]], act)
    assert done == (200, 1)
    assert b'"mode":"hold"' in requests[0][0]
    assert requests[0][1].startswith(b"POST /v1/payments/pay_1/capture HTTP/1.1\r\n")


def test_a_batch_that_is_accepted_in_part_enters_just_that_part() -> None:
    def act(address: Address) -> tuple[Sender, tuple[int, int]]:
        sender = Sender(address, "batch_10")
        return sender, sender.carry_out(2)

    items = [b'{"status":201,"id":"pay_1"}'] * 9 + [b'{"status":422,"problem":{"code":"account_frozen"}}']
    (sender, done), _ = against([[answer(b'{"results":[' + b",".join(items) + b"]}")]], act)
    assert done == (422, 9)
    assert (sender.books.accepted, sender.books.items) == ({}, [(2, place) for place in range(9)])


def test_a_batch_with_undecided_payments_is_sent_again_with_the_same_keys() -> None:
    def act(address: Address) -> tuple[Sender, tuple[int, int]]:
        sender = Sender(address, "batch_1")
        return sender, sender.carry_out(2)

    undecided, made = (b'{"results":[{"status":%b}]}' % status for status in (b'503,"problem":{}', b'201,"id":"pay_1"'))
    (sender, done), requests = against([[answer(undecided), answer(made)]], act)
    assert done == (201, 1)
    assert requests[0][0] == requests[0][1]
    assert sender.measurements.retried == {"503 in a batch": 1}


def repeated(*answers: bytes) -> tuple[Sender, list[tuple[int, int]]]:
    """Send one payment as often as there are answers."""

    def act(address: Address) -> tuple[Sender, list[tuple[int, int]]]:
        sender = Sender(address, "retry_storm")
        repeats = Repeats(sender.operations, sender.books, 1.0, Random(1))
        sent = [
            repeats.send(sender.courier, number, monotonic() + ENOUGH_SECONDS, sender.measurements)
            for number in range(len(answers))
        ]
        return sender, [(done.status, done.paid) for done in sent]

    (found, requests) = against([list(answers)], act)
    assert len({request.split(b"Idempotency-Key: ")[1].split(b"\r\n")[0] for request in requests[0]}) == 1
    return found


def test_a_repeated_key_that_gets_the_first_answer_again_counts_once() -> None:
    sender, done = repeated(FIRST, answer(b'{"id":"pay_1"}', CREATED, REPLAYED))
    assert done == [(201, 1), (201, 0)]
    assert (sender.books.accepted, sender.measurements.repeats, sender.measurements.errors) == ({0: 1}, 1, 0)


def test_another_answer_to_the_same_key_is_a_difference() -> None:
    sender, _ = repeated(FIRST, answer(b'{"id":"pay_2"}', CREATED, REPLAYED))
    assert sender.measurements.errors == 1
    assert 'then 201 b\'{"id":"pay_2"}\'' in sender.measurements.differences[0]


def test_a_key_that_is_answered_twice_as_new_is_a_difference() -> None:
    sender, _ = repeated(FIRST, FIRST)
    assert "made twice" in sender.measurements.differences[0]
