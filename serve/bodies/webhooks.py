"""Bodies about webhooks: endpoints, and what became of the events that were to be sent to them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from processor.bridges.webhooks.delivery_table import Delivery, DeliveryStatus, LogEntry
from processor.bridges.webhooks.endpoint_table import EndpointRow, Redelivery, Status
from processor.bridges.webhooks.message import TEST_SEQUENCE, message_id
from processor.bridges.webhooks.url import URL_CHARACTERS_MAX
from processor.eventlog.positions import CURSOR_CHARACTERS_MAX
from processor.wire_values import rfc3339
from serve.bodies.values import AccountId, Time
from serve.limits import (
    DESCRIPTION_CHARACTERS_MAX,
    REDELIVERED_IDS_MAX,
    SECRET_OVERLAP_SECONDS_DEFAULT,
    SECRET_OVERLAP_SECONDS_MAX,
    WEBHOOK_ACCOUNTS_MAX,
    WEBHOOK_TYPES_MAX,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TYPE = r"^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)(?!\n)$"
_Cursor = Annotated[str, Meta(description="Opaque")]

Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=URL_CHARACTERS_MAX,
        description="https, to a public address, without a user or a fragment; port 443, 80, or from 1024",
        examples=["https://hooks.example.com/payments"],
    ),
]
Types = Annotated[
    list[Annotated[str, Meta(pattern=_TYPE, max_length=64)]],
    Meta(max_length=WEBHOOK_TYPES_MAX, description="Types of events, and patterns such as `payment.*`; empty: all types"),
]
Accounts = Annotated[
    list[AccountId],
    Meta(
        min_length=1,
        max_length=WEBHOOK_ACCOUNTS_MAX,
        description="Only events about these accounts, or about payments with a leg from or to one of them; null: all",
    ),
]
Description = Annotated[str, Meta(max_length=DESCRIPTION_CHARACTERS_MAX)]


class WebhookRequestBody(msgspec.Struct, forbid_unknown_fields=True):
    """An endpoint to send events to."""

    url: Url
    types: Types = []
    accounts: Accounts | None = None
    description: Description | None = None


class WebhookChangeBody(msgspec.Struct, forbid_unknown_fields=True):
    """What is to change of an endpoint; what is left out stays."""

    url: Url | UnsetType = UNSET
    types: Types | UnsetType = UNSET
    accounts: Accounts | None | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    status: Literal["enabled", "disabled"] | UnsetType = UNSET


class RotateBody(msgspec.Struct, forbid_unknown_fields=True):
    """For how long the secret until now signs beside the new one."""

    previous_valid_seconds: Annotated[int, Meta(ge=0, le=SECRET_OVERLAP_SECONDS_MAX)] = SECRET_OVERLAP_SECONDS_DEFAULT


class RedeliverBody(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be sent again: deliveries of the log, or all events since a time or after a cursor of `/v1/events`, however long ago.

    With `only_failed` what was delivered since then is left out; what was never queued is sent.
    """

    deliveries: (
        Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=REDELIVERED_IDS_MAX)]
        | UnsetType
    ) = UNSET
    since: Annotated[str, Meta(max_length=64, extra_json_schema={"format": "date-time"})] | UnsetType = UNSET
    after: Annotated[str, Meta(max_length=CURSOR_CHARACTERS_MAX)] | UnsetType = UNSET
    only_failed: bool | UnsetType = UNSET


class RedeliveryBody(msgspec.Struct, frozen=True):
    """The past that is being sent again. `since` is null if it was asked for by a cursor; `queued`: how many events so far."""

    since: Time | None
    only_failed: bool
    queued: int
    requested_at: Time


class WebhookBody(msgspec.Struct, frozen=True):
    """An endpoint. `disabled_reason` says why nothing is sent to it; `waiting`: how many events did a moment ago.

    Until `previous_secret_until` the previous secret signs too.
    """

    id: str
    url: str
    types: list[str]
    accounts: list[str] | None
    description: str | None
    status: Status
    disabled_reason: str | None
    created_at: Time
    waiting: int
    previous_secret_until: Time | None
    redelivery: RedeliveryBody | None


class WebhookSecretBody(WebhookBody, frozen=True):
    """An endpoint with its new secret, which is not shown again: `whsec_` and base 64."""

    secret: str


class WebhooksBody(msgspec.Struct, frozen=True):
    """A page of endpoints, newest first."""

    data: list[WebhookBody]
    has_more: bool
    next_cursor: _Cursor | None


class AttemptBody(msgspec.Struct, frozen=True):
    """One attempt. `status` is the receiver's, null without an answer; `error` says why the event was not taken, null if it was."""

    at: Time
    milliseconds: int
    status: int | None
    error: str | None


class DeliveryBody(msgspec.Struct, frozen=True):
    """One event for one endpoint. `id` is its `webhook-id`; `event` its name, null for a test; `log` its newest attempts, up to ten."""

    id: str
    event: str | None
    type: str
    event_at: Time
    status: DeliveryStatus
    attempts: int
    queued_at: Time
    next_attempt_at: Time | None
    finished_at: Time | None
    log: list[AttemptBody]


class DeliveriesBody(msgspec.Struct, frozen=True):
    """A page of deliveries, newest events first."""

    data: list[DeliveryBody]
    has_more: bool
    next_cursor: _Cursor | None


class RedeliveryAnswerBody(msgspec.Struct, frozen=True):
    """What is being sent again: so many deliveries of the log, or the past as `redelivery` says."""

    queued: int
    redelivery: RedeliveryBody | None


class TestEventBody(msgspec.Struct, frozen=True):
    """The test event that is being sent. Its delivery has this `id`."""

    id: str
    type: str


def webhook_body(row: EndpointRow) -> WebhookBody:
    """Return the endpoint."""
    wishes = row.wishes
    return WebhookBody(
        id=row.id,
        url=wishes.url,
        types=list(wishes.types),
        accounts=None if wishes.accounts is None else list(wishes.accounts),
        description=wishes.description,
        status=row.status,
        disabled_reason=row.reason,
        created_at=_required(row.created_at),
        waiting=row.waiting,
        previous_secret_until=_time(row.previous_until),
        redelivery=redelivery_body(row.redelivery),
    )


def webhook_secret_body(row: EndpointRow, secret: str) -> WebhookSecretBody:
    """Return the endpoint with its secret."""
    return WebhookSecretBody(**msgspec.structs.asdict(webhook_body(row)), secret=secret)


def redelivery_body(redelivery: Redelivery | None) -> RedeliveryBody | None:
    """Return how far the redelivery is."""
    if redelivery is None:
        return None
    return RedeliveryBody(
        rfc3339(redelivery.since_at) if redelivery.since_at else None,
        redelivery.only_failed,
        redelivery.queued,
        _required(redelivery.requested_at),
    )


def delivery_body(endpoint_id: str, delivery: Delivery) -> DeliveryBody:
    """Return what became of the event."""
    at, shard, sequence, index = delivery.place
    return DeliveryBody(
        id=message_id(endpoint_id, delivery.place),
        event=None if sequence == TEST_SEQUENCE else f"{shard}:{sequence}:{index}",
        type=delivery.type,
        event_at=rfc3339(at),
        status=delivery.status,
        attempts=delivery.attempts,
        queued_at=_required(delivery.queued_at),
        next_attempt_at=_time(delivery.due_at) if delivery.status == "pending" else None,
        finished_at=_time(delivery.finished_at),
        log=[_attempt(entry) for entry in delivery.log],
    )


def _attempt(entry: LogEntry) -> AttemptBody:
    return AttemptBody(rfc3339(entry.at), entry.milliseconds, entry.status, entry.error or None)


def _time(time: datetime | None) -> str | None:
    return None if time is None else _required(time)


def _required(time: datetime) -> str:
    return rfc3339((time - _EPOCH) // timedelta(microseconds=1))
