"""An event as SNS carries it: the CloudEvent as it is, and beside it the attributes that filter policies can choose by.

| attribute | type | what it is |
| --- | --- | --- |
| `type` | String | the event's type, such as `payment.succeeded` |
| `shard` | Number | the shard that the event belongs to |
| `account` | String.Array | every account that the event names |
| `currency` | String.Array | every currency that it names |
| `status` | String | how the payment or the account stands after it |
| `ce-id`, `ce-type` | String | the CloudEvent's own; `ce-id` is the event's name, by which repeats are dropped |

An attribute of which an event has nothing is left out. Raw delivery to SQS loses messages with more than ten attributes: these are seven.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

MESSAGE_BYTES_MAX = 256 * 1024
"""What SNS takes in one call: messages with their attributes."""

_NAME = re.compile(r"(\d{1,10}):\d{1,19}:\d{1,10}").fullmatch
# SQS refuses messages with these two, which JSON may hold as they are. All other characters that it refuses are escaped in JSON.
_ESCAPED = {0xFFFE: "\\ufffe", 0xFFFF: "\\uffff"}
Attributes = dict[str, dict[str, str]]


class NotAnEvent(ValueError):
    """The text is not a CloudEvent of this program."""


class _About(msgspec.Struct, gc=False):
    id: str = ""
    status: str | None = None
    currency: str | None = None
    legs: list[dict[str, Any]] = []


class _Data(msgspec.Struct, gc=False):
    account: _About | None = None
    payment: _About | None = None
    entries: list[dict[str, Any]] = []
    balances: list[dict[str, Any]] = []


class _CloudEvent(msgspec.Struct, gc=False):
    id: str
    type: str
    data: _Data


_decode = msgspec.json.Decoder(_CloudEvent).decode


class Notification(msgspec.Struct, frozen=True):
    """What is published. `name` is the event's; `size_bytes` counts as SNS does."""

    name: str
    shard: int
    message: str
    attributes: Attributes
    size_bytes: int


def notification_of(message: bytes) -> Notification:
    """Return the notification of a CloudEvent in JSON. Raises NotAnEvent."""
    try:
        event = _decode(message)
        text = message.decode().translate(_ESCAPED)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotAnEvent(f"this is not an event of this ledger: {error}") from None
    name = _NAME(event.id)
    if name is None:
        raise NotAnEvent(f"the event's id is not shard:sequence:index but {event.id[:80]!r}")
    attributes = {
        "type": _text(event.type),
        "shard": {"DataType": "Number", "StringValue": name[1]},
        "ce-id": _text(event.id),
        "ce-type": _text(event.type),
    }
    about = event.data.payment or event.data.account
    if about is not None and about.status:
        attributes["status"] = _text(about.status)
    for attribute, values in (("account", _accounts(event.data)), ("currency", _currencies(event.data))):
        distinct = list(dict.fromkeys(value for value in values if value))
        if distinct:
            attributes[attribute] = {"DataType": "String.Array", "StringValue": json.dumps(distinct)}
    size = len(text.encode()) + sum(
        len(attribute) + len(value["DataType"]) + len(value["StringValue"].encode()) for attribute, value in attributes.items()
    )
    return Notification(event.id, int(name[1]), text, attributes, size)


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def _accounts(data: _Data) -> Iterator[str]:
    if data.account is not None:
        yield data.account.id
    for leg in data.payment.legs if data.payment else ():
        yield leg["from"]
        yield leg["to"]
    for line in (*data.entries, *data.balances):
        yield line["account"]


def _currencies(data: _Data) -> Iterator[str | None]:
    if data.account is not None:
        yield data.account.currency
    for line in (*(data.payment.legs if data.payment else ()), *data.entries, *data.balances):
        yield line["currency"]
