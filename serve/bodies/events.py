"""Bodies about published events."""

from typing import Annotated

import msgspec
from msgspec import Meta

from processor.eventlog.bodies import CloudEvent


class EventsBody(msgspec.Struct, frozen=True):
    """A page of events. `next_cursor` is where to go on, now or when there is more; with `has_more` there is more already."""

    data: list[CloudEvent]
    has_more: bool
    next_cursor: Annotated[str, Meta(description="Opaque; send it back as `after`")]


class EventTypeBody(msgspec.Struct, frozen=True):
    """A type of events. `id` is what its events have as `dataschema`, `schema` the path of that."""

    type: str
    description: str
    id: str
    schema: str


class EventTypesBody(msgspec.Struct, frozen=True):
    """All types of events."""

    data: list[EventTypeBody]
