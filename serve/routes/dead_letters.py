"""What consumers, bridges and the road of instructions gave up on: looked at, and sent back."""

from typing import get_args

import msgspec
from msgspec import UNSET

from processor.bridges.letter_desk import BadLetterId, letter_id
from serve.bodies.dead_letters import (
    REDRIVE_DEFAULT,
    DeadLettersBody,
    MovedBody,
    NotMovedBody,
    Queue,
    RedriveBody,
    RedrivenBody,
    bridge_letter_body,
    redriven_body,
    sqs_letter_body,
)
from serve.dead_letters import DEAD_LETTER_PROBLEMS, DeadLetters, failures_told, unknown_to_this_process
from serve.routes.route import BODY_PROBLEMS, CURSOR, LIMIT, Parameter, Route
from serve.wire.answer import Answer, encode_json
from serve.wire.parameters import bad_cursor, cursor_of, limit_of
from serve.wire.problems import field_problem, parameter_problem
from serve.wire.request import Request
from serve.wire.strict_json import decode

_decoder = msgspec.json.Decoder(RedriveBody)
_QUEUES = get_args(Queue)
_NAMES = ", ".join(f"`{name}`" for name in _QUEUES)


async def list_dead_letters(request: Request) -> Answer:
    """Look at dead letters without taking them out."""
    queue, limit, cursor = _queue_of(request.query.get("queue", "events")), limit_of(request.query), cursor_of(request.query)
    letters = _letters_of(request)
    async with failures_told():
        if queue == "bridges":
            return Answer(200, encode_json(await _page(letters, limit, cursor)))
        if cursor is not None:
            raise parameter_problem("cursor", "an SQS queue has no pages, only a sample; leave it out")
        found, count = await (await letters.sqs(queue)).look(queue, limit)
    return Answer(200, encode_json(DeadLettersBody([sqs_letter_body(letter) for letter in found], False, None, count)))


async def redrive_dead_letters(request: Request) -> Answer:
    """Send dead letters back to where they came from."""
    body = decode(_decoder, await request.body())
    if body.ids is not UNSET and body.limit is not UNSET:
        raise field_problem("invalid_body", "/limit", "not together with `ids`")
    ids = None if body.ids is UNSET else body.ids
    limit = REDRIVE_DEFAULT if body.limit is UNSET else body.limit
    letters = _letters_of(request)
    async with failures_told():
        if body.queue == "bridges":
            return Answer(200, encode_json(await _redrive_bridges(letters, limit, ids)))
        # Goes on if the client goes away: what was received is let go of, or moved.
        done = await request.site.submissions.run((await letters.sqs(body.queue)).redrive(body.queue, limit, ids))
    return Answer(200, encode_json(redriven_body(body.queue, done)))


async def _page(letters: DeadLetters, limit: int, cursor: str | None) -> DeadLettersBody:
    try:
        found = await letters.bridges.look(limit + 1, cursor)
    except BadLetterId:
        raise bad_cursor() from None
    page = found[:limit]
    following = letter_id(page[-1]) if len(found) > limit else None
    return DeadLettersBody([bridge_letter_body(letter) for letter in page], following is not None, following, None)


async def _redrive_bridges(letters: DeadLetters, limit: int, ids: list[str] | None) -> RedrivenBody:
    try:
        asked, missing = await letters.bridges.redrive(limit, ids)
    except BadLetterId as error:
        raise field_problem("invalid_body", "/ids", str(error)) from None
    note = "the bridge tries it again within about a second, if it runs; if it fails the letter comes back with the newest reason"
    moved = [MovedBody(identity, f"the bridge {identity.partition('/')[0]}", note) for identity in asked]
    return RedrivenBody("bridges", moved, [NotMovedBody(identity, "there is no such dead letter") for identity in missing], None)


def _queue_of(name: str) -> Queue:
    for queue in _QUEUES:
        if queue == name:
            return queue  # type: ignore[no-any-return]
    raise parameter_problem("queue", f"must be one of {_NAMES}")


def _letters_of(request: Request) -> DeadLetters:
    if request.site.dead_letters is None:
        raise unknown_to_this_process()
    return request.site.dead_letters


ROUTES = (
    Route(
        "GET", "/v1/dead-letters", list_dead_letters, "Look at dead letters", "Dead letters", {200: DeadLettersBody},
        "Events that a consumer gave up on (`events`), payment instructions that cannot be carried out (`instructions`), or events that "
        "a bridge could not carry over (`bridges`). SQS cannot show messages without giving them out: of its queues this is a sample, "
        "not a snapshot, and every look raises the letters' `received_count`.",
        None,
        (
            Parameter(
                "queue", "query", "Which dead letters.", {"type": "string", "enum": list(_QUEUES), "default": "events"},
                example="instructions",
            ),
            LIMIT,
            CURSOR,
        ),
        ("invalid_parameter", *DEAD_LETTER_PROBLEMS),
    ),
    Route(
        "POST", "/v1/dead-letters/redrive", redrive_dead_letters, "Send dead letters back", "Dead letters", {200: RedrivenBody},
        "Instructions go back to their queue, unless the ledger has refused them, which it remembers; events to the queue that they came "
        "from, or else once more to all subscribers of the SNS topic; those of bridges are published again. Each is sent before it is "
        "deleted here: after a failure it may go twice, which does no harm, and is never lost. Ask again as often as you like.",
        RedriveBody, (), (*BODY_PROBLEMS, *DEAD_LETTER_PROBLEMS),
        {
            "One that was mended": {"queue": "instructions", "ids": ["8a5f2d0c-6a1b-4a51-9f0e-2f1d9f3b7c11"]},
            "Whatever there is": {"queue": "events", "limit": 1000},
        },
    ),
)  # fmt: skip
