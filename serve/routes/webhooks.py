"""Webhooks: endpoints that are sent events."""

import msgspec
from msgspec import UNSET, UnsetType

from processor.bridges.webhooks.endpoint import is_pattern
from processor.bridges.webhooks.endpoint_table import Wishes
from processor.bridges.webhooks.signature import secret_text
from processor.eventlog.catalogue import TYPES
from processor.projections.cursors import BadCursor, read_cursor, write_cursor
from serve.bodies.webhooks import (
    RotateBody,
    WebhookBody,
    WebhookChangeBody,
    WebhookRequestBody,
    WebhooksBody,
    WebhookSecretBody,
    webhook_body,
    webhook_secret_body,
)
from serve.payments.idempotency import TENANT
from serve.routes.route import BODY_PROBLEMS, CURSOR, LIMIT, Parameter, Route
from serve.webhooks import WEBHOOK_PROBLEMS, webhooks_of
from serve.wire.answer import Answer, encode_json
from serve.wire.parameters import bad_cursor, cursor_of, limit_of
from serve.wire.problems import field_problem
from serve.wire.request import Request
from serve.wire.strict_json import decode

_request_decoder = msgspec.json.Decoder(WebhookRequestBody)
_change_decoder = msgspec.json.Decoder(WebhookChangeBody)
_rotate_decoder = msgspec.json.Decoder(RotateBody)
_QUESTION = ("webhooks", TENANT)


async def create_webhook(request: Request) -> Answer:
    """Register an endpoint."""
    body = decode(_request_decoder, await request.body())
    wishes = Wishes(body.url, _types(body.types), _accounts(body.accounts), body.description)
    with webhooks_of(request) as webhooks:
        created = await webhooks.create(TENANT, wishes)
    location = (b"location", f"/v1/webhooks/{created.endpoint.id}".encode())
    return Answer(201, encode_json(webhook_secret_body(created.endpoint, secret_text(created.secret))), (location,))


async def list_webhooks(request: Request) -> Answer:
    """Read a page of endpoints, newest first."""
    limit, cursor = limit_of(request.query), cursor_of(request.query)
    try:
        before = read_cursor(_QUESTION, cursor, 1)[0] if cursor is not None else None
    except BadCursor:
        raise bad_cursor() from None
    with webhooks_of(request) as webhooks:
        found = await webhooks.endpoints(TENANT, before, limit + 1)
    page = found[:limit]
    following = write_cursor(_QUESTION, [page[-1].number]) if len(found) > limit else None
    return Answer(200, encode_json(WebhooksBody([webhook_body(row) for row in page], following is not None, following)))


async def read_webhook(request: Request) -> Answer:
    """Read an endpoint."""
    with webhooks_of(request) as webhooks:
        return Answer(200, encode_json(webhook_body(await webhooks.read(TENANT, request.parameter))))


async def change_webhook(request: Request) -> Answer:
    """Change an endpoint."""
    body = decode(_change_decoder, await request.body())
    with webhooks_of(request) as webhooks:
        before = await webhooks.read(TENANT, request.parameter)
        changed = Wishes(
            before.wishes.url if body.url is UNSET else body.url,
            before.wishes.types if body.types is UNSET else _types(body.types),
            before.wishes.accounts if body.accounts is UNSET else _accounts(body.accounts),
            before.wishes.description if body.description is UNSET else body.description,
        )
        after = await webhooks.update(before, TENANT, changed, before.status if body.status is UNSET else body.status)
    return Answer(200, encode_json(webhook_body(after)))


async def delete_webhook(request: Request) -> Answer:
    """Delete an endpoint and its log."""
    with webhooks_of(request) as webhooks:
        await webhooks.delete(TENANT, request.parameter)
    return Answer(204, b"")


async def rotate_webhook_secret(request: Request) -> Answer:
    """Replace an endpoint's secret."""
    data = await request.body()
    body = decode(_rotate_decoder, data) if data else RotateBody()
    with webhooks_of(request) as webhooks:
        rotated = await webhooks.rotate(TENANT, request.parameter, body.previous_valid_seconds)
    return Answer(200, encode_json(webhook_secret_body(rotated.endpoint, secret_text(rotated.secret))))


def _types(types: list[str]) -> tuple[str, ...]:
    for number, text in enumerate(types):
        if not is_pattern(text, list(TYPES)):
            raise field_problem(
                "invalid_body", f"/types/{number}", "no event is of this type; /v1/events/schemas lists all types"
            )
    return tuple(dict.fromkeys(types))


def _accounts(accounts: list[str] | None | UnsetType) -> tuple[str, ...] | None:
    return tuple(sorted(set(accounts))) if accounts else None


WEBHOOK = Parameter("id", "path", "The webhook's id.", {"type": "string"}, required=True, example="we_abcdefghij234567")
_TAG = "Webhooks"
ROUTES = (
    Route(
        "POST", "/v1/webhooks", create_webhook, "Register a webhook", _TAG, {201: WebhookSecretBody},
        "From now on every event that it wants is sent to `url` until it is taken: POST with a CloudEvent as body, signed after Standard "
        "Webhooks 1.0.0. Any status from 200 to 299 takes it; 410 disables the webhook; all else is tried again for a day. The `secret` is "
        "shown here and never again.",
        WebhookRequestBody, (),
        ("webhook_url_refused", "webhook_exists", "too_many_webhooks", "webhooks_unavailable", *BODY_PROBLEMS),
        {"All that happens to payments": {"url": "https://hooks.example.com/payments", "types": ["payment.*"]}},
    ),
    Route(
        "GET", "/v1/webhooks", list_webhooks, "List webhooks", _TAG, {200: WebhooksBody},
        "Newest first.", None, (LIMIT, CURSOR), ("invalid_parameter", "webhooks_unavailable"),
    ),
    Route(
        "GET", "/v1/webhooks/{id}", read_webhook, "Read a webhook", _TAG, {200: WebhookBody},
        "", None, (WEBHOOK,), WEBHOOK_PROBLEMS,
    ),
    Route(
        "POST", "/v1/webhooks/{id}", change_webhook, "Change a webhook", _TAG, {200: WebhookBody},
        "Counts for what is sent from a moment later on. While it is disabled nothing is sent, and what happens then is not queued; what "
        "waited goes on waiting, for up to a week.",
        WebhookChangeBody, (WEBHOOK,), ("webhook_url_refused", *WEBHOOK_PROBLEMS, *BODY_PROBLEMS),
        {"Stop sending": {"status": "disabled"}},
    ),
    Route(
        "DELETE", "/v1/webhooks/{id}", delete_webhook, "Delete a webhook", _TAG, {204: None},
        "", None, (WEBHOOK,), (*WEBHOOK_PROBLEMS, "cross_site_request"),
    ),
    Route(
        "POST", "/v1/webhooks/{id}/rotate", rotate_webhook_secret, "Replace a webhook's secret", _TAG, {200: WebhookSecretBody},
        "For a day, or as long as you say, every message carries two signatures, one by either secret, so that no receiver needs to be "
        "changed in the same instant. A secret that was replaced before stops at once.",
        RotateBody, (WEBHOOK,), (*WEBHOOK_PROBLEMS, *BODY_PROBLEMS),
    ),
)  # fmt: skip
