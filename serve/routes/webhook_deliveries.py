"""What became of the events that were to be sent to a webhook, and sending them again."""

import msgspec
from msgspec import UNSET

from processor.bridges.webhooks.admin import WebhookAdmin
from processor.bridges.webhooks.delivery_table import STATUSES, DeliveryStatus
from processor.bridges.webhooks.endpoint_table import EndpointRow
from processor.bridges.webhooks.message import TEST_TYPE, message_id, parse_message_id
from processor.core.ids import Place
from processor.eventlog.positions import BadCursor as BadLogCursor
from processor.projections.cursors import BadCursor, read_cursor, write_cursor
from processor.wire_values import parse_rfc3339
from serve.bodies.accounts import EmptyBody
from serve.bodies.webhooks import (
    DeliveriesBody,
    RedeliverBody,
    RedeliveryAnswerBody,
    TestEventBody,
    delivery_body,
    redelivery_body,
)
from serve.payments.idempotency import TENANT
from serve.routes.route import BODY_PROBLEMS, CURSOR, LIMIT, Parameter, Route
from serve.routes.webhooks import WEBHOOK
from serve.webhooks import WEBHOOK_PROBLEMS, webhooks_of
from serve.wire.answer import Answer, encode_json
from serve.wire.parameters import bad_cursor, cursor_of, limit_of
from serve.wire.problems import field_problem, parameter_problem
from serve.wire.request import Request
from serve.wire.strict_json import decode

_redeliver_decoder = msgspec.json.Decoder(RedeliverBody)
_empty_decoder = msgspec.json.Decoder(EmptyBody)


async def list_webhook_deliveries(request: Request) -> Answer:
    """Read a page of deliveries, newest events first."""
    limit, cursor, status = limit_of(request.query), cursor_of(request.query), _status(request.query.get("status"))
    question = ("webhook deliveries", request.parameter, status)
    try:
        before = Place(*read_cursor(question, cursor, 4)) if cursor is not None else None
    except BadCursor:
        raise bad_cursor() from None
    with webhooks_of(request) as webhooks:
        endpoint = await webhooks.read(TENANT, request.parameter)
        found = await webhooks.deliveries(endpoint, status, before, limit + 1)
    page = found[:limit]
    following = write_cursor(question, page[-1].place) if len(found) > limit else None
    bodies = [delivery_body(endpoint.id, delivery) for delivery in page]
    return Answer(200, encode_json(DeliveriesBody(bodies, following is not None, following)))


async def redeliver(request: Request) -> Answer:
    """Send events again."""
    body = decode(_redeliver_decoder, await request.body())
    with webhooks_of(request) as webhooks:
        endpoint = await webhooks.read(TENANT, request.parameter)
        answer = await _redeliver(webhooks, endpoint, body)
    return Answer(202, encode_json(answer))


async def _redeliver(webhooks: WebhookAdmin, endpoint: EndpointRow, body: RedeliverBody) -> RedeliveryAnswerBody:
    if [body.deliveries, body.since, body.after].count(UNSET) != 2:
        raise field_problem("invalid_body", "", "give either `deliveries`, `since` or `after`")
    if body.deliveries is not UNSET:
        if body.only_failed is not UNSET:
            raise field_problem("invalid_body", "/only_failed", "goes with `since` and `after` alone")
        places = [_place(endpoint, text, number) for number, text in enumerate(body.deliveries)]
        return RedeliveryAnswerBody(await webhooks.redeliver(endpoint, list(dict.fromkeys(places))), None)
    since: int | str | None
    if body.since is not UNSET:
        since = parse_rfc3339(body.since)
        if since is None or since <= 0:
            raise field_problem("invalid_body", "/since", "must be an RFC 3339 time with a zone, such as 2026-01-31T12:00:00Z")
    else:
        since = str(body.after)
    try:
        row = await webhooks.redeliver_since(TENANT, endpoint, since, body.only_failed is True)
    except BadLogCursor as error:
        raise field_problem("invalid_body", "/after", str(error)) from None
    return RedeliveryAnswerBody(0, redelivery_body(row.redelivery))


async def test_webhook(request: Request) -> Answer:
    """Send a test event."""
    data = await request.body()
    if data:
        decode(_empty_decoder, data)
    with webhooks_of(request) as webhooks:
        endpoint = await webhooks.read(TENANT, request.parameter)
        place = await webhooks.test(endpoint)
    return Answer(202, encode_json(TestEventBody(message_id(endpoint.id, place), TEST_TYPE)))


def _place(endpoint: EndpointRow, text: str, number: int) -> Place:
    place = parse_message_id(endpoint.id, text)
    if place is None:
        raise field_problem("invalid_body", f"/deliveries/{number}", "no delivery of this webhook has such an id")
    return place


def _status(text: str | None) -> DeliveryStatus | None:
    if text is None:
        return None
    for status in STATUSES:
        if text == status:
            return status
    raise parameter_problem("status", f"must be one of {', '.join(STATUSES)}")


_TAG = "Webhooks"
_STATUS = Parameter("status", "query", "As it stands.", {"type": "string", "enum": list(STATUSES)}, example="failed")
ROUTES = (
    Route(
        "GET", "/v1/webhooks/{id}/deliveries", list_webhook_deliveries, "Read a webhook's log", _TAG, {200: DeliveriesBody},
        "Every event that was to be sent in the last week, with its newest attempts; newest events first. Events that wait, and those that "
        "failed, are tried again as they stand in the journal.",
        None, (WEBHOOK, _STATUS, LIMIT, CURSOR), ("invalid_parameter", *WEBHOOK_PROBLEMS),
    ),
    Route(
        "POST", "/v1/webhooks/{id}/deliveries/redeliver", redeliver, "Send events again", _TAG, {202: RedeliveryAnswerBody},
        "Either some `deliveries` of the log, or all events that the webhook wants `since` a time, or `after` a cursor of `/v1/events`; "
        "these are read from the journal however old they are. Each keeps the `webhook-id` that it had or would have had, so that "
        "receivers drop what they have.",
        RedeliverBody, (WEBHOOK,), ("webhook_disabled", "redelivery_under_way", *WEBHOOK_PROBLEMS, *BODY_PROBLEMS),
        {"What failed since this morning": {"since": "2026-01-31T06:00:00Z", "only_failed": True}},
    ),
    Route(
        "POST", "/v1/webhooks/{id}/test", test_webhook, "Send a test event", _TAG, {202: TestEventBody},
        "An event of type `webhook.test`, whatever types the webhook wants. The log tells what became of it.",
        EmptyBody, (WEBHOOK,), ("webhook_disabled", *WEBHOOK_PROBLEMS, *BODY_PROBLEMS),
    ),
)  # fmt: skip
