"""Published events as CloudEvents 1.0 in JSON, with the extensions for sequence and partitioning (https://github.com/cloudevents/spec).

Nearly all of an event goes to the encoder as it is: only times become text, and an event with money beyond what every JSON parser
reads exactly takes a slower way.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import msgspec

from processor.eventlog.bodies import CloudEvent, PaymentBody
from processor.eventlog.event import (
    AboutAccount,
    AboutBalances,
    AboutPayment,
    AnyData,
    BalancesData,
    EntryData,
    PaymentData,
    PublishedEvent,
)
from processor.wire_values import SAFE_INTEGER_MAX, money, rfc3339

SOURCE: Final = "/payments"
CONTENT_TYPE: Final = "application/cloudevents+json"
BATCH_CONTENT_TYPE: Final = "application/cloudevents-batch+json"
SCHEMA_PREFIX: Final = "urn:payments:event:"
SCHEMA_VERSION: Final = "v1"
EVENT_BYTES_MAX: Final = 256 * 1024
"""No event is larger: not one with 32 legs and all the metadata that a payment may have, each character escaped."""

_JSON: Final = "application/json"
_MONEY: Final = frozenset(
    ("amount", "amounts", "available", "captured", "held", "max_balance", "min_balance", "pending_in", "pending_out", "posted",
     "posted_after", "refunded")
)  # fmt: skip
"""The members that hold money, wherever they stand."""

_encode = msgspec.json.Encoder().encode


class _PaymentOperation(msgspec.Struct, frozen=True, gc=False):
    """AboutPayment with the payment's times as text."""

    operation: str
    payment: PaymentBody
    amounts: Any
    reason: str | None
    entries: Any
    balances: Any
    code: str | None


def encode_event(event: PublishedEvent) -> bytes:
    """Return the event as one JSON object on one line, at most EVENT_BYTES_MAX long."""
    time, sequence, partition = _place(event.shard, event.sequence, event.at)
    data = event.data
    body: Any
    if not _is_exact(data):
        body = _as_text(data)
    elif type(data) is AboutPayment:
        body = _PaymentOperation(
            data.operation,
            _payment(data.payment, event.at, time),
            data.amounts,
            data.reason,
            data.entries,
            data.balances,
            data.code,
        )
    else:
        body = data
    kind = event.type
    return _encode(
        CloudEvent(
            "1.0", f"{event.shard}:{event.sequence}:{event.index}", SOURCE, kind, event.subject, time, _JSON, schema_name(kind),
            sequence, partition, body,
        )
    )  # fmt: skip


def encode_batch(events: Iterable[PublishedEvent]) -> bytes:
    """Return the events as one JSON array."""
    return b"[" + b",".join([encode_event(event) for event in events]) + b"]"


@lru_cache(maxsize=64)
def schema_name(kind: str) -> str:
    """Return the URI that names the schema of events of this type."""
    return f"{SCHEMA_PREFIX}{kind}:{SCHEMA_VERSION}"


@lru_cache(maxsize=256)
def _place(shard: int, sequence: int, at: int) -> tuple[str, str, str]:
    """Return what all events of a record have in common: time, sequence, partition key."""
    return rfc3339(at), f"{sequence:020d}", f"shard-{shard}"


def _payment(payment: PaymentData, at: int, time: str) -> PaymentBody:
    """Return the payment for JSON; `time` is how `at` stands there. Legs are handed over as they are: their members are the same."""
    expires_at, created_at = payment.expires_at, payment.created_at
    return PaymentBody(
        payment.id, payment.status, payment.from_account, payment.to_account, payment.amount, payment.currency,
        payment.legs,  # type: ignore[arg-type]
        payment.mode, payment.held, payment.captured, payment.refunded, None if expires_at is None else rfc3339(expires_at),
        payment.reference, payment.metadata, time if created_at == at else rfc3339(created_at),
    )  # fmt: skip


def _is_exact(data: AnyData) -> bool:
    """Whether every JSON parser reads all the event's money exactly."""
    if type(data) is AboutPayment:
        return _are_exact(data.entries, data.balances) and _is_exact_payment(data.payment)
    if type(data) is AboutBalances:
        return _are_exact(data.entries, data.balances)
    if type(data) is AboutAccount:
        return all(_fits(limit) for limit in (data.account.min_balance, data.account.max_balance))
    return True


def _is_exact_payment(payment: PaymentData) -> bool:
    # What is held, captured or refunded is never more than the amount, and the amount of one leg never more than of all.
    if payment.amount is not None:
        return payment.amount <= SAFE_INTEGER_MAX
    return all(leg.amount <= SAFE_INTEGER_MAX for leg in payment.legs)


def _are_exact(entries: tuple[EntryData, ...], balances: tuple[BalancesData, ...]) -> bool:
    for entry in entries:
        if not -SAFE_INTEGER_MAX <= entry.posted_after <= SAFE_INTEGER_MAX or entry.amount > SAFE_INTEGER_MAX:
            return False
    for each in balances:  # noqa: SIM110  # all() with a generator takes twice as long.
        if not (_fits(each.posted) and _fits(each.available) and _fits(each.pending_in) and _fits(each.pending_out)):
            return False
    return True


def _fits(value: int | None) -> bool:
    return value is None or -SAFE_INTEGER_MAX <= value <= SAFE_INTEGER_MAX


def _as_text(data: AnyData) -> Any:
    """Return the data as a plain tree in which large money is text."""
    tree = msgspec.to_builtins(data)
    payment = tree.get("payment")
    if payment is not None:
        payment["created_at"] = rfc3339(payment["created_at"])
        payment["expires_at"] = None if payment["expires_at"] is None else rfc3339(payment["expires_at"])
    return _with_text(tree)


def _with_text(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {
            name: _text_of(value) if name in _MONEY else value if name == "metadata" else _with_text(value)
            for name, value in tree.items()
        }
    return [_with_text(member) for member in tree] if isinstance(tree, list | tuple) else tree


def _text_of(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [money(each) for each in value]
    return None if value is None else money(value)
