"""A dead letter: a message that somebody gave up on, in a queue of its own, with the reason.

Whoever puts one there sends the body as it came, and says in message attributes:

| attribute | |
| --- | --- |
| `reason` | one sentence: what went wrong |
| `code` | the same for programs, if there is one, such as `insufficient_funds` |
| `payment_id` | of an instruction: the payment that was refused |
| `source-queue` | of an event: the name of the SQS queue that it is to go back to; without it, it is published again |

What SQS, SNS and Lambda move to such a queue by themselves is understood too (`ErrorMessage`, the source queue's ARN).
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from processor.bridges.queues.original import event_in, reason_of_lambda
from processor.bridges.queues.sqs_queue import ATTRIBUTES_MAX, Attributes, Message
from processor.bridges.sns.notification import NotAnEvent

LetterQueue = Literal["events", "instructions"]

BODY_CHARACTERS_MAX = 4_096
"""How much of a body is shown."""
REASON_CHARACTERS_MAX = 1_000
REASON, CODE, PAYMENT_ID, SOURCE_QUEUE = "reason", "code", "payment_id", "source-queue"
OURS = (REASON, CODE, PAYMENT_ID, SOURCE_QUEUE)


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One dead letter. `sent_at` in microseconds since 1970, `event` the event's name, `source` where it goes back to, if known."""

    id: str
    queue: LetterQueue
    reason: str
    code: str | None
    payment_id: str | None
    event: str | None
    source: str | None
    received_count: int
    sent_at: int
    body: str
    body_truncated: bool


def letter_of(queue: LetterQueue, message: Message) -> DeadLetter:
    """Return the message as a dead letter of this queue."""
    event = None
    if queue == "events":
        try:
            event = event_in(message.body).name
        except NotAnEvent:
            pass
    return DeadLetter(
        id=message.id,
        queue=queue,
        reason=reason_of(message)[:REASON_CHARACTERS_MAX],
        code=message.text(CODE) or message.text("ErrorCode"),
        payment_id=message.text(PAYMENT_ID),
        event=event,
        source=message.text(SOURCE_QUEUE) or (message.source_arn.rpartition(":")[2] if message.source_arn else None),
        received_count=message.receive_count,
        sent_at=message.sent_at,
        body=message.body[:BODY_CHARACTERS_MAX],
        body_truncated=len(message.body) > BODY_CHARACTERS_MAX,
    )


def reason_of(message: Message) -> str:
    """Return why the message is where it is, as far as it says so."""
    told = message.text(REASON) or message.text("ErrorMessage") or reason_of_lambda(message.body)
    if told:
        return told
    if message.source_arn:
        name = message.source_arn.rpartition(":")[2]
        return f"it was received from the queue {name} too often without being deleted there, so SQS has moved it here"
    return "it does not say why it is here"


def attributes_of_letter(original: Attributes, said: Mapping[str, str | None]) -> Attributes:
    """Return a dead letter's attributes: ours first, then those that it came with, as far as SQS takes them (ten)."""
    ours: Attributes = {
        name: {"DataType": "String", "StringValue": allowed_text(value)[:REASON_CHARACTERS_MAX]}
        for name, value in said.items()
        if value
    }
    return dict(list((ours | {name: value for name, value in original.items() if name not in ours}).items())[:ATTRIBUTES_MAX])


def attributes_before(attributes: Attributes) -> Attributes:
    """Return a dead letter's attributes without ours: those that it came with."""
    return {name: value for name, value in attributes.items() if name not in OURS}


def allowed_text(text: str) -> str:
    """Return the text with a question mark for every character that SQS refuses."""
    return "".join(
        c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff") else "?" for c in text
    )
