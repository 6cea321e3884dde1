"""A published event as one line for people."""

from collections.abc import Iterator
from typing import Any

import msgspec

_TYPE_CHARACTERS = len("payment.refund_refused")
_PLACE_CHARACTERS = 12

_decode = msgspec.json.decode


def event_line(body: bytes) -> str:
    """Return the CloudEvent as a line: when, its id, its type, and what it says."""
    event = _decode(body)
    said = " ".join(_said(event["data"]))
    return f"{event['time']}  {event['id']:{_PLACE_CHARACTERS}}  {event['type']:{_TYPE_CHARACTERS}}  {event['subject']}  {said}".rstrip()


def _said(data: dict[str, Any]) -> Iterator[str]:
    payment = data.get("payment")
    if payment is not None:
        yield from _of_payment(data, payment)
    elif "request_id" in data:
        yield f"{data['operation'] or 'request'} refused: {data['code']} ({data['request_id']})"
    elif "operation" in data:
        yield data["operation"]
    stands = [
        f"{each['account']} {'?' if each['posted'] is None else each['posted']} {each['currency']}"
        for each in data.get("balances", ())
    ]
    if stands:
        yield f"[{', '.join(stands)}]"


def _of_payment(data: dict[str, Any], payment: dict[str, Any]) -> Iterator[str]:
    moved = zip(payment["legs"], data["amounts"], strict=True)
    yield ", ".join(f"{leg['from']} -> {leg['to']} {amount} {leg['currency']}" for leg, amount in moved)
    yield f"({payment['status']})"
    if payment["reference"] is not None:
        yield f"reference {payment['reference']!r}"
    if data["code"] is not None:
        yield f"because of {data['code']}"
    if data["reason"] is not None:
        yield f"reason {data['reason']!r}"
