"""The event inside a message that a consumer gave up on, in whatever AWS has wrapped it by then.

| how it came | body |
| --- | --- |
| SQS subscriber with raw delivery, a consumer's own code | the CloudEvent itself |
| SQS subscriber without | SNS's envelope: `{"Type": "Notification", "Message": ...}` |
| Lambda that SNS has called, its dead-letter queue | `{"Records": [{"Sns": {"Message": ...}}]}` |
| the same, its on-failure destination | `{"requestContext": ..., "requestPayload": {"Records": ...}}` |
"""

from typing import Any

import msgspec

from processor.bridges.sns.notification import NotAnEvent, Notification, notification_of

_WRAPS_MAX = 4


class _Context(msgspec.Struct):
    condition: str


class _Record(msgspec.Struct, rename={"context": "requestContext", "response": "responsePayload"}):
    context: _Context
    response: Any = None


_decode_record = msgspec.json.Decoder(_Record).decode


def event_in(body: str) -> Notification:
    """Return the event as it would be published again. Raises NotAnEvent, with what was found instead."""
    text = body
    for _ in range(_WRAPS_MAX):
        inner = _unwrapped(text)
        if inner is None:
            return notification_of(text.encode())
        text = inner
    raise NotAnEvent("an event is wrapped too often in there")


def reason_of_lambda(body: str) -> str | None:
    """Return why Lambda gave up, if the body is what it sends to an on-failure destination."""
    try:
        record = _decode_record(body.encode())
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    said = record.response.get("errorMessage") if isinstance(record.response, dict) else None
    return f"Lambda gave up: {record.context.condition}" + (f", {said}" if isinstance(said, str) else "")


def _unwrapped(text: str) -> str | None:
    """Return what the text wraps, or None if it is no wrap that we know."""
    try:
        content = msgspec.json.decode(text.encode())
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        raise NotAnEvent("the body is not JSON") from None
    if not isinstance(content, dict):
        raise NotAnEvent("the body is not a JSON object")
    if content.get("Type") == "Notification" and isinstance(content.get("Message"), str):
        return str(content["Message"])
    if "KinesisBatchInfo" in content:
        info = content["KinesisBatchInfo"]
        raise NotAnEvent(
            f"Lambda gave up a batch of Kinesis records that it does not tell: read them from the stream ({info})"[:500]
        )
    if isinstance(content.get("requestPayload"), dict):
        content = content["requestPayload"]
    return _sns_record(content.get("Records"))


def _sns_record(records: Any) -> str | None:
    if not isinstance(records, list) or not records:
        return None
    if len(records) > 1:
        raise NotAnEvent(f"{len(records)} records lie in one message, of which some may have gone through")
    sns = records[0].get("Sns") if isinstance(records[0], dict) else None
    message = sns.get("Message") if isinstance(sns, dict) else None
    return message if isinstance(message, str) else None
