"""The requests of each kind of scenario: what is sent, what counts as success, and what goes into the books."""

from collections.abc import Callable
from time import monotonic

import msgspec

from loadtests.generator.books import Books
from loadtests.generator.courier import Courier
from loadtests.measures.measurements import NO_ANSWER
from loadtests.scenarios.keys import key_of
from loadtests.scenarios.plan import Plan
from loadtests.scenarios.templates import Template
from processor.client.address import parse_address
from processor.client.outcome import BATCH_PATH, MINIMAL, Outcome
from processor.client.post import Post
from processor.client.reply import Reply

_CREATED = b'"status":201'


class Done(msgspec.Struct, frozen=True, gc=False):
    """A finished operation: its final status, the payments that it made, and the answer to its first request."""

    status: int
    paid: int
    reply: Reply | None = None


class _Held(msgspec.Struct, gc=False):
    id: str


class _Results(msgspec.Struct, gc=False):
    results: list[Outcome]


_decode_held = msgspec.json.Decoder(_Held).decode
_decode_results = msgspec.json.Decoder(_Results).decode
_NOT_ANSWERED = Done(NO_ANSWER, 0)
Operation = Callable[[Courier, int, float], Done]


class Operations:
    """Carries out numbered operations. The same number is the same operation: same keys, same bodies."""

    def __init__(self, plan: Plan, process: int, templates: list[Template], books: Books) -> None:
        self._address = parse_address(plan.url)
        self._run = plan.run
        self._process = process
        self._templates = templates
        self._books = books
        self._pay = Post(self._address, "/v1/payments")
        self._pay_batch = Post(self._address, BATCH_PATH, MINIMAL)
        kinds: dict[str, Operation] = {"single": self._single, "batch": self._batch, "hold_capture": self._hold_capture}
        self._carry_out = kinds[plan.of.kind]

    def carry_out(self, courier: Courier, number: int, deadline: float) -> Done:
        """Carry one out and enter it into the books; its time is over at the deadline (monotonic seconds)."""
        done = self._carry_out(courier, number, deadline)
        if done.status == NO_ANSWER:
            self._books.unresolved.append(number)
        return done

    def send_single(self, courier: Courier, number: int, deadline: float) -> Reply | None:
        """Send the payment of this number, and leave the books alone."""
        template = self._templates[number % len(self._templates)]
        return courier.send(self._pay.fill(template.body, self._key(number)), deadline)

    def settle_single(self, number: int, reply: Reply | None) -> Done:
        """Enter the answer to a single payment into the books."""
        if reply is None:
            return _NOT_ANSWERED
        if reply.status != 201:
            return Done(reply.status, 0, reply)
        self._books.accept(number % len(self._templates))
        return Done(201, 1, reply)

    def _key(self, number: int) -> bytes:
        return key_of(self._run, self._process, number)

    def _single(self, courier: Courier, number: int, deadline: float) -> Done:
        return self.settle_single(number, self.send_single(courier, number, deadline))

    def _hold_capture(self, courier: Courier, number: int, deadline: float) -> Done:
        held = self.send_single(courier, number, deadline)
        if held is None or held.status != 201:
            return _NOT_ANSWERED if held is None else Done(held.status, 0, held)
        capture = Post(self._address, f"/v1/payments/{_decode_held(held.body).id}/capture").fill(b"{}", self._key(number))
        captured = courier.send(capture, deadline)
        if captured is None:
            return _NOT_ANSWERED
        if not 200 <= captured.status < 300:
            return Done(captured.status, 0, held)
        self._books.accept(number % len(self._templates))
        return Done(captured.status, 1, held)

    def _batch(self, courier: Courier, number: int, deadline: float) -> Done:
        place = number % len(self._templates)
        template = self._templates[place]
        request = self._pay_batch.fill(template.fill(self._key(number)))
        while True:
            reply = courier.send(request, deadline)
            if reply is None:
                return _NOT_ANSWERED
            if reply.status != 200:
                return Done(reply.status, 0, reply)
            # Counting is a hundred times cheaper than decoding, and nearly always enough.
            if reply.body.count(_CREATED) == len(template.payments):
                self._books.accept(place)
                return Done(201, len(template.payments), reply)
            statuses = [outcome.status for outcome in _decode_results(reply.body).results]
            if max(statuses) < 500:
                return self._accept_part(place, statuses, reply)
            if monotonic() >= deadline:
                return _NOT_ANSWERED
            # Some are undecided (503, 504). Their keys make it safe to send all of it again.
            courier.pause(f"{max(statuses)} in a batch")

    def _accept_part(self, template: int, statuses: list[int], reply: Reply) -> Done:
        """Enter a batch of which a part was refused."""
        accepted = [place for place, status in enumerate(statuses) if status == 201]
        self._books.items.extend((template, place) for place in accepted)
        return Done(max(statuses), len(accepted), reply)
