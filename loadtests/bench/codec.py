"""Layer `codec`: turning payments into bytes and back, on every border that they cross, in processor time for each payment.

Each decoder's limit is msgspec finding its way through the same bytes without making anything of them; each encoder's is a copy of
the bytes that it makes. What is left is the price of Python's objects.
"""

from collections.abc import Callable
from random import Random
from statistics import median
from time import process_time

import msgspec

from loadtests.bench.collector import collector_as_in_a_host
from loadtests.bench.figure import Figure
from loadtests.bench.options import Options
from loadtests.bench.rounds import Say, Side, alternate
from loadtests.bench.traffic import account_ids, openings, payments
from loadtests.http_layer import batch_body
from processor.core.events import decode_events
from processor.core.ledger import Ledger
from processor.core.messages import AnyAnswer, AnyMessage
from processor.core.shard import Shard
from serve.bodies.payments import BatchRequestBody, PaymentBody
from serve.payments.batches import parse_batch
from serve.payments.identity import identity_of
from serve.payments.outcomes import payment_body

PAYMENTS = 1_000
SHARDS = 8
FOUND = "finding the way through them (msgspec.Raw)"
COPIED = "a copy of the bytes that it makes"
_REPETITIONS = 50
_ACCOUNTS = 10_000
_AT = 1_764_000_000_000_000

_raw_list = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_messages = msgspec.msgpack.Decoder(list[AnyMessage]).decode
_answers = msgspec.msgpack.Decoder(list[AnyAnswer]).decode
_packed = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


class _RawPayments(msgspec.Struct):
    payments: list[msgspec.Raw]


_raw_json = msgspec.json.Decoder(_RawPayments).decode
_body = msgspec.json.Decoder(BatchRequestBody).decode


class Codec(msgspec.Struct, frozen=True):
    """One way of turning payments into bytes or back, and the least that the same bytes cost."""

    name: str
    work: Callable[[], object]
    least: Callable[[], object]
    limit_name: str


def codecs(accounts: int) -> list[Codec]:
    """Return what is measured, each for PAYMENTS payments."""
    ids = account_ids(accounts)
    [asked] = payments(ids, SHARDS, PAYMENTS, PAYMENTS, Random(1))
    records, answers = _decided(ids, asked)
    messages, events, answered, body = _messages(asked), list(map(decode_events, records)), _packed(answers), batch_body(PAYMENTS)
    bodies = _bodies(messages, answers)
    result = _json(bodies)
    return [
        Codec("messages to hosts, encoded", lambda: _packed(messages), lambda: bytearray(asked), COPIED),
        Codec("messages to hosts, decoded", lambda: _messages(asked), lambda: _raw_list(asked), FOUND),
        Codec("answers of hosts, encoded", lambda: _packed(answers), lambda: bytearray(answered), COPIED),
        Codec("answers of hosts, decoded", lambda: _answers(answered), lambda: _raw_list(answered), FOUND),
        Codec("events, encoded", lambda: list(map(_packed, events)), lambda: list(map(bytearray, records)), COPIED),
        Codec("events, decoded", lambda: list(map(decode_events, records)), lambda: list(map(_raw_list, records)), FOUND),
        Codec("JSON of a batch, decoded", lambda: _body(body), lambda: _raw_json(body), FOUND),
        Codec("JSON of a batch to messages: decoded, checked, fingerprinted", lambda: parse_batch(body, SHARDS),
              lambda: _raw_json(body), FOUND),
        Codec("JSON of whole payments, encoded", lambda: _json(bodies), lambda: bytearray(result), COPIED),
    ]  # fmt: skip


def measure(options: Options, say: Say) -> list[Figure]:
    """Return the layer's figures."""
    measured = codecs(min(options.accounts, _ACCOUNTS))
    sides = [
        Side(name, lambda work=work: _microseconds(work))  # type: ignore[misc]
        for codec in measured
        for name, work in ((codec.name, codec.work), (_least_name(codec), codec.least))
    ]
    samples = alternate(sides, options.rounds, say, warm_up=True)
    return [
        Figure(
            "codec",
            codec.name,
            "us/payment",
            samples[codec.name],
            None,
            median(samples[_least_name(codec)]),
            codec.limit_name,
            True,
        )
        for codec in measured
    ]


def _least_name(codec: Codec) -> str:
    return f"{codec.name}: {codec.limit_name}"


def _microseconds(work: Callable[[], object]) -> float:
    with collector_as_in_a_host():
        started = process_time()
        for _ in range(_REPETITIONS):
            work()
        return (process_time() - started) * 1e6 / (_REPETITIONS * PAYMENTS)


def _decided(ids: list[str], asked: bytes) -> tuple[list[bytes], list[AnyAnswer]]:
    """Have the payments decided; return the payloads of the records and the answers."""
    ledger = Ledger(SHARDS)
    for number in range(SHARDS):
        ledger.add(Shard(number, SHARDS))
    for data in openings(ids, SHARDS, PAYMENTS):
        ledger.begin(_AT)
        for message in _messages(data):
            ledger.handle(message)
        ledger.seal()
    ledger.begin(_AT + 1)
    answers = [ledger.handle(message) for message in _messages(asked)]
    return [record.payload for record in ledger.seal().records], answers  # type: ignore[return-value]


def _bodies(messages: list[AnyMessage], answers: list[AnyAnswer]) -> list[PaymentBody]:
    return [
        payment_body(message, answer, identity_of(message, answer))  # type: ignore[arg-type]
        for message, answer in zip(messages, answers, strict=True)
    ]
