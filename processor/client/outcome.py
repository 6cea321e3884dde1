"""What became of payments, sent in a batch or alone."""

import asyncio

import msgspec

from processor.client.connection import Connection
from processor.client.post import Post
from processor.client.reply import RETRYABLE_STATUSES, Problem, Reply, UnexpectedAnswer

BATCH_PATH = "/v1/payments/batch"
MINIMAL = "Prefer: return=minimal"


class _Payment(msgspec.Struct, frozen=True, gc=False):
    id: str


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The answer to one payment: `status` 201, or the status of its problem."""

    status: int
    replayed: bool = False
    id: str | None = None
    payment: _Payment | None = None
    problem: Problem | None = None

    @property
    def payment_id(self) -> str | None:
        """The id of the payment, accepted or refused; None if none was recorded."""
        if self.payment is not None:
            return self.payment.id
        return self.id or (self.problem.payment_id if self.problem else None)


class _Results(msgspec.Struct, frozen=True, gc=False):
    results: list[Outcome]


_decode = msgspec.json.Decoder(_Results).decode
_decode_payment = msgspec.json.Decoder(_Payment).decode


def outcome_of(reply: Reply) -> Outcome:
    """Return the outcome in the reply to a payment that was sent alone. Raises UnexpectedAnswer."""
    if reply.status != 201:
        return Outcome(reply.status, reply.is_replayed, problem=reply.problem())
    try:
        return Outcome(reply.status, reply.is_replayed, payment=_decode_payment(reply.body))
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswer(f"the answer to a payment is not as expected ({error})") from None


async def send_batch(connection: Connection, post: Post, body: bytes, count: int) -> list[Outcome]:
    """Send a batch of `count` payments until each has a final outcome, and return those in order.

    When some items cannot be decided yet (503, 504) the whole body goes out again, since its keys make that safe; what was
    final before stays as it was first answered. Raises Unavailable, UnexpectedAnswer.
    """
    final: list[Outcome | None] = [None] * count
    request = post.fill(body)
    retries = None
    while True:
        reply = await connection.send(request)
        reply.require_success()
        waiting = None
        for index, outcome in enumerate(results_of(reply.body, count)):
            if outcome.status in RETRYABLE_STATUSES:
                waiting = waiting or outcome
            elif final[index] is None:
                final[index] = outcome
        outcomes = [outcome for outcome in final if outcome is not None]
        if len(outcomes) == count:
            return outcomes
        retries = retries or connection.start_retries()
        reason = f"{waiting.status} {waiting.problem}" if waiting else "an outcome is missing"
        await asyncio.sleep(retries.next_pause(reason, status=waiting.status if waiting else None))
        connection.retries += 1


def results_of(body: bytes, count: int) -> list[Outcome]:
    """Return the outcomes in the answer to a batch of `count` payments, in order. Raises UnexpectedAnswer."""
    try:
        results = _decode(body).results
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswer(f"the answer to a batch is not as expected ({error})") from None
    if len(results) != count:
        raise UnexpectedAnswer(f"the answer to a batch of {count} payments has {len(results)} results")
    return results
