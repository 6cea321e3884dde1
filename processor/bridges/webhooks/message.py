"""What is sent: the message's id, which repeats have too, and its body."""

import re
from typing import Any

import msgspec

from processor.bridges.webhooks.endpoint import ID_PREFIX
from processor.core.ids import PREFIX as PAYMENT_PREFIX
from processor.core.ids import Place, parse_payment_id, payment_id
from processor.eventlog.cloud_event import SOURCE
from processor.wire_values import rfc3339

BODY_BYTES_MAX = 20_000
TEST_TYPE = "webhook.test"
TEST_SEQUENCE = 0
"""The sequence of test events, which no record has."""

_ID = re.compile(r"msg_([a-z2-7]{16})_([0-9A-Z]{26})")
_LEFT_OUT = ("data", "dataschema")


def message_id(endpoint_id: str, place: Place) -> str:
    """Return the id of the message that tells an endpoint of the event at this place."""
    return f"msg_{endpoint_id.removeprefix(ID_PREFIX)}_{payment_id(*place).removeprefix(PAYMENT_PREFIX)}"


def parse_message_id(endpoint_id: str, text: str) -> Place | None:
    """Return the event's place, or None if this is not the id of a message to this endpoint."""
    match = _ID.fullmatch(text)
    if match is None or ID_PREFIX + match[1] != endpoint_id:
        return None
    return parse_payment_id(PAYMENT_PREFIX + match[2])


def message_body(cloud_event: bytes) -> bytes:
    """Return the event as it is sent: whole if it is small enough, else without its data, which is read at `link`."""
    if len(cloud_event) <= BODY_BYTES_MAX:
        return cloud_event
    event: dict[str, Any] = msgspec.json.decode(cloud_event)
    thin = {name: value for name, value in event.items() if name not in _LEFT_OUT}
    subject = str(event["subject"])
    kind = "payments" if subject.startswith(PAYMENT_PREFIX) else "accounts"
    data = {"truncated": True, kind.removesuffix("s"): {"id": subject}, "link": f"/v1/{kind}/{subject}"}
    return msgspec.json.encode({**thin, "data": data})


def test_body(place: Place) -> bytes:
    """Return the body of the test event at this place."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": f"test:{place.at}",
            "source": SOURCE,
            "type": TEST_TYPE,
            "time": rfc3339(place.at),
            "datacontenttype": "application/json",
            "data": {"message": "This is a test. Nothing has happened."},
        }
    )
