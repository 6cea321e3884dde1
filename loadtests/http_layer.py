"""What the HTTP layer costs by itself, in CPU time: no sockets, no journal, a ledger that answers at once.

`python -m loadtests.http_layer` prints the table; `measure()` gives it to others.
"""

import asyncio
from collections.abc import Callable, MutableMapping, Sequence
from time import process_time
from typing import Any

import msgspec

from actors.host import HostStatus
from actors.payment_outcomes import PaymentOutcomes
from processor.core.messages import AnyAnswer, AnyMessage, Capture, OperationAnswer, PayMany, PaymentAnswer, Refund, Void
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.operation_history import RecordedOperation
from serve.acknowledged import Acknowledged
from serve.app import Application, create_app
from serve.ledger import LedgerError, ShardStatus
from serve.payments.batches import batch_answer, parse_batch
from serve.payments.columns import columns_answer, parse_columns
from serve.payments.instructions import message_of, parse_payment
from serve.payments.outcomes import payment_answer
from serve.reads import Reads

SHARDS = 8
BATCH_PAYMENTS = 10_000
ROUNDS = 5
SINGLE_REPETITIONS = 4_000
AT = 1_764_000_000_000_000


class Cost(msgspec.Struct, frozen=True):
    """The least CPU time of one step over several rounds, per request and per payment."""

    step: str
    milliseconds: float
    microseconds_per_payment: float


class _AcceptingLedger:
    """Implements Ledger: accepts every payment at once. Only what payments need answers anything."""

    shards = SHARDS

    @property
    def reads(self) -> Reads:
        raise NotImplementedError

    async def ask(self, message: AnyMessage) -> AnyAnswer:
        return PaymentAnswer(Result.ACCEPTED, False, AT, 7, 3, 7)

    async def submit(self, message: AnyMessage) -> AnyAnswer:
        return await self.ask(message)

    async def insist(self, message: AnyMessage, answer: AnyAnswer) -> AnyAnswer:
        return answer

    async def ask_all(self, messages: list[AnyMessage]) -> list[AnyAnswer | LedgerError]:
        return [PaymentAnswer(Result.ACCEPTED, False, AT, 7, index, 7) for index in range(len(messages))]

    async def pay_many(self, payments: PayMany) -> PaymentOutcomes:
        return _all_accepted(payments)

    async def operations(self, accepted: Sequence[tuple[Capture | Void | Refund, OperationAnswer]]) -> list[RecordedOperation]:
        return []

    async def shard_status(self) -> list[ShardStatus]:
        return []

    async def host_status(self) -> list[HostStatus]:
        return []

    async def readiness(self) -> list[str]:
        return []

    async def reach(self) -> list[str]:
        return []


def _all_accepted(payments: PayMany) -> PaymentOutcomes:
    outcomes = PaymentOutcomes(len(payments))
    outcomes.records, outcomes.positions = [(AT, shard, 7) for shard in range(SHARDS)], [(shard, 7) for shard in range(SHARDS)]
    outcomes.record_of = [shard_of(account, SHARDS) for account in payments.from_accounts]
    outcomes.indexes = list(range(len(payments)))
    return outcomes


def measure(
    single_repetitions: int = SINGLE_REPETITIONS, batch_payments: int = BATCH_PAYMENTS, rounds: int = ROUNDS
) -> list[Cost]:
    """Return the cost of every step: the best of the rounds."""
    single, batch = single_body(1), batch_body(batch_payments)
    message = message_of(parse_payment(single), "key-1", SHARDS)
    instructions, acknowledged = parse_batch(batch, SHARDS), Acknowledged()
    answers: list[AnyAnswer | LedgerError] = [
        PaymentAnswer(Result.ACCEPTED, False, AT, 7, index, 7) for index in range(batch_payments)
    ]
    columns = parse_columns(batch)
    if columns is None:
        raise RuntimeError("the measured batch is not read as columns")
    outcomes = _all_accepted(columns)
    accepted = PaymentAnswer(Result.ACCEPTED, False, AT, 7, 3, 7)
    singles: dict[str, Callable[[], object]] = {
        "single: body to message": lambda: message_of(parse_payment(single), "key-1", SHARDS),
        "single: answer to bytes": lambda: payment_answer(message, accepted),
    }
    batches: dict[str, Callable[[], object]] = {
        "batch: body to columns": lambda: parse_columns(batch),
        "batch: columns to bytes": lambda: columns_answer(acknowledged, columns, outcomes, SHARDS, "req", False),
        "batch: columns to bytes, minimal": lambda: columns_answer(acknowledged, columns, outcomes, SHARDS, "req", True),
        "batch: body to messages": lambda: parse_batch(batch, SHARDS),
        "batch: answers to bytes": lambda: batch_answer(acknowledged, instructions, answers, "req", False),
        "batch: answers to bytes, minimal": lambda: batch_answer(acknowledged, instructions, answers, "req", True),
    }
    return [
        *(_cost(step, work, rounds, single_repetitions, 1) for step, work in singles.items()),
        asyncio.run(_application_cost("single: whole request", "/v1/payments", single, rounds, single_repetitions, 1)),
        *(_cost(step, work, rounds, 1, batch_payments) for step, work in batches.items()),
        asyncio.run(_application_cost("batch: whole request", "/v1/payments/batch", batch, rounds, 1, batch_payments)),
    ]


def single_body(number: int) -> bytes:
    """Return the JSON of one payment."""
    return b'{"from":"acc_%06d","to":"acc_%06d","amount":%d,"currency":"EUR","reference":"order %d"}' % (
        number, number + 1, 1 + number % 1000, number,
    )  # fmt: skip


def batch_body(payments: int) -> bytes:
    """Return the JSON of a batch."""
    items = (b'{"idempotency_key":"key-%d",%b' % (number, single_body(number)[1:]) for number in range(payments))
    return b'{"payments":[%b]}' % b",".join(items)


def _cost(step: str, work: Callable[[], object], rounds: int, repetitions: int, payments: int) -> Cost:
    best = min(_timed(work, repetitions) for _ in range(rounds)) / repetitions
    return Cost(step, best * 1e3, best * 1e6 / payments)


def _timed(work: Callable[[], object], repetitions: int) -> float:
    started = process_time()
    for _ in range(repetitions):
        work()
    return process_time() - started


async def _application_cost(step: str, path: str, body: bytes, rounds: int, repetitions: int, payments: int) -> Cost:
    app = create_app(_AcceptingLedger())
    best = min([await _called(app, path, body, repetitions) for _ in range(rounds)]) / repetitions
    return Cost(step, best * 1e3, best * 1e6 / payments)


async def _called(app: Application, path: str, body: bytes, repetitions: int) -> float:
    headers = [
        (b"host", b"127.0.0.1:8000"),
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"idempotency-key", b"key-1"),
    ]
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    started = process_time()
    for _ in range(repetitions):
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        await app(scope, receive, send)
    seconds = process_time() - started
    if any(status >= 300 for status in statuses):
        raise RuntimeError(f"{path} answered {max(statuses)}")
    return seconds


def main() -> None:
    """Print the table."""
    for cost in measure():
        print(f"{cost.step:34}{cost.milliseconds:10.3f} ms{cost.microseconds_per_payment:10.2f} us a payment")


if __name__ == "__main__":
    main()
