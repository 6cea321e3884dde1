"""Bodies about dead letters."""

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from processor.bridges.dead_letters import DeadLetter as BridgeLetter
from processor.bridges.letter_desk import letter_id
from processor.wire_values import rfc3339
from serve.bodies.values import Time

if TYPE_CHECKING:
    from processor.bridges.queues.letter import DeadLetter
    from processor.bridges.queues.redrive import Redriven

LETTER_IDS_MAX = 100
REDRIVE_MAX = 1_000
REDRIVE_DEFAULT = 100

Queue = Literal["events", "instructions", "bridges"]
LetterId = Annotated[str, Meta(min_length=1, max_length=100)]


class DeadLetterBody(msgspec.Struct, frozen=True, gc=False, rename={"letter": "id"}):
    """One dead letter. `event` is the name of the event in it; `source` where it goes back to, if that is known."""

    letter: Annotated[str, Meta(description="The message's id in SQS; of a bridge's letter the bridge and the event's name")]
    queue: Queue
    reason: str
    code: Annotated[str | None, Meta(description="The reason for programs, such as `insufficient_funds`")]
    payment_id: Annotated[str | None, Meta(description="Of an instruction: the payment that was refused")]
    event: str | None
    source: str | None
    received_count: Annotated[int | None, Meta(description="How often the message was received; looking at it counts")]
    sent_at: Time
    body: Annotated[str | None, Meta(description="Its first 4,096 characters; of a bridge's letter null: the event log has it")]
    body_truncated: bool
    redrive_asked: Annotated[bool, Meta(description="A bridge's letter that is about to be tried again")] = False


class DeadLettersBody(msgspec.Struct, frozen=True):
    """Of `bridges` a page. Of SQS queues a sample without a next page; `approximate_count` says about how many there are."""

    data: list[DeadLetterBody]
    has_more: bool
    next_cursor: str | None
    approximate_count: int | None


class RedriveBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which dead letters are to go back: those with these `ids`, or any, up to `limit`."""

    queue: Queue
    ids: Annotated[list[LetterId], Meta(min_length=1, max_length=LETTER_IDS_MAX)] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=REDRIVE_MAX, description=f"{REDRIVE_DEFAULT} if nothing is said")] | UnsetType = UNSET


class MovedBody(msgspec.Struct, frozen=True, gc=False, rename={"letter": "id"}):
    """A letter that has gone back, and where to."""

    letter: str
    to: str
    note: str | None = None


class NotMovedBody(msgspec.Struct, frozen=True, gc=False, rename={"letter": "id"}):
    """A letter that is where it was, and why."""

    letter: str
    reason: str


class RedrivenBody(msgspec.Struct, frozen=True):
    """What has become of them. `stopped` says why it ended early, if it did: ask again for the rest."""

    queue: Queue
    moved: list[MovedBody]
    not_moved: list[NotMovedBody]
    stopped: str | None


def sqs_letter_body(letter: "DeadLetter") -> DeadLetterBody:
    """Return a message of an SQS queue as it is shown."""
    return DeadLetterBody(
        letter.id, letter.queue, letter.reason, letter.code, letter.payment_id, letter.event, letter.source, letter.received_count,
        rfc3339(letter.sent_at), letter.body, letter.body_truncated,
    )  # fmt: skip


def bridge_letter_body(letter: BridgeLetter) -> DeadLetterBody:
    """Return a bridge's dead letter as it is shown."""
    return DeadLetterBody(
        letter_id(letter), "bridges", letter.reason, None, None, letter.name, f"bridge {letter.bridge}", None, rfc3339(letter.at),
        None, False, letter.is_to_redrive,
    )  # fmt: skip


def redriven_body(queue: Queue, done: "Redriven") -> RedrivenBody:
    """Return what a redrive of an SQS queue has done."""
    moved = [MovedBody(letter.id, letter.to, letter.note) for letter in done.moved]
    return RedrivenBody(queue, moved, [NotMovedBody(letter.id, letter.reason) for letter in done.not_moved], done.stopped)
