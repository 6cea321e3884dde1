"""A retry storm: some requests repeat an earlier key, and must be told what the first was told."""

from collections import deque
from random import Random

import msgspec

from loadtests.generator.books import Books
from loadtests.generator.courier import Courier
from loadtests.generator.operations import Done, Operations
from loadtests.measures.measurements import NO_ANSWER, Measurements
from processor.client.reply import Reply

_REMEMBERED = 512
"""Payments that are repeated: so few that many a first request is still under way."""


class _Payment(msgspec.Struct):
    """One payment that may be repeated. `answer` is the first final status and body that came."""

    number: int
    in_flight: int = 0
    answer: tuple[int, bytes] | None = None
    is_made: bool = False


class Repeats:
    """Mixes new payments with repeated ones, and compares all answers to the same key."""

    def __init__(self, operations: Operations, books: Books, share: float, random: Random) -> None:
        """`share` of the requests repeat an earlier key."""
        self._operations = operations
        self._books = books
        self._share = share
        self._random = random
        self._recent: deque[_Payment] = deque()

    def send(self, courier: Courier, number: int, deadline: float, measurements: Measurements) -> Done:
        """Send a request that is new, under this number, or repeats an earlier one."""
        if self._recent and self._random.random() < self._share:
            measurements.repeats += 1
            payment = self._random.choice(self._recent)
        else:
            payment = _Payment(number)
            self._remember(payment)
        payment.in_flight += 1
        try:
            reply = self._operations.send_single(courier, payment.number, deadline)
        finally:
            payment.in_flight -= 1
        return self._settle(payment, reply, measurements)

    def _remember(self, payment: _Payment) -> None:
        self._recent.append(payment)
        # One that still waits for an answer is kept: its answers must be compared.
        while len(self._recent) > _REMEMBERED and not self._recent[0].in_flight:
            self._recent.popleft()

    def _settle(self, payment: _Payment, reply: Reply | None, measurements: Measurements) -> Done:
        unresolved = self._books.unresolved
        if reply is None:
            if payment.answer is None and payment.number not in unresolved:
                unresolved.append(payment.number)
            return Done(NO_ANSWER, 0)
        self._compare(payment, reply, measurements)
        if payment.answer is not None:
            return Done(reply.status, 0, reply)
        payment.answer = (reply.status, reply.body)
        if payment.number in unresolved:
            unresolved.remove(payment.number)
        return self._operations.settle_single(payment.number, reply)

    def _compare(self, payment: _Payment, reply: Reply, measurements: Measurements) -> None:
        if payment.answer is not None and payment.answer != (reply.status, reply.body):
            first, second = (f"{status} {body[:200]!r}" for status, body in (payment.answer, (reply.status, reply.body)))
            measurements.differ(f"payment {payment.number} was first answered {first}, then {second}")
        if not reply.is_replayed:
            if payment.is_made:
                measurements.differ(f"payment {payment.number} was answered twice as if it were new: it was made twice")
            payment.is_made = True
