"""The event log: pages, a stream, and the schemas."""

from processor.eventlog.catalogue import TYPES
from processor.eventlog.cloud_event import schema_name
from processor.eventlog.filters import BadFilter, EventFilter
from processor.eventlog.log import EventLog
from processor.eventlog.positions import CURSOR_CHARACTERS_MAX, LATEST, BadCursor, Positions, parse_name
from processor.eventlog.schema import CONTENT_TYPE, schema_file
from processor.journal.interface import JournalUnavailable
from serve.bodies.events import EventsBody, EventTypeBody, EventTypesBody
from serve.bodies.values import is_account_id
from serve.events.streams import STREAMS_MAX, TooManyStreams
from serve.reads import ReadsUnavailable
from serve.routes.route import LIMIT, Parameter, Route
from serve.wire.answer import EVENT_STREAM, Answer, encode_json
from serve.wire.parameters import limit_of
from serve.wire.problems import Problem, parameter_problem, retry_after
from serve.wire.request import Request

_SCHEMAS = "/v1/events/schemas"
_AFTER, _LAST_EVENT_ID = "after", "Last-Event-ID"
_RETRY_SECONDS = 5.0


async def list_events(request: Request) -> Answer:
    """Read a page of events, oldest first."""
    log, limit, wanted = request.ledger.reads.events, limit_of(request.query), _filter_of(request)
    after = await _position(log, _AFTER, request.query.get(_AFTER))
    try:
        page = await log.page(after, wanted, limit)
    except BadCursor as error:
        raise parameter_problem(_AFTER, str(error)) from None
    except JournalUnavailable as error:
        raise ReadsUnavailable(str(error)) from error
    tail = encode_json({"has_more": page.has_more, "next_cursor": page.positions.cursor()})
    return Answer(200, b'{"data":[%s],%s' % (b",".join(page.events), tail[1:]))


async def stream_events(request: Request) -> Answer:
    """Follow events."""
    log, wanted = request.ledger.reads.events, _filter_of(request)
    # A browser that comes back asks for the same path again: where it has got to is in the header.
    last = request.headers.get(_LAST_EVENT_ID.lower().encode())
    name, text = (_LAST_EVENT_ID, last.decode("latin-1")) if last else (_AFTER, request.query.get(_AFTER))
    after = await _position(log, name, text)
    try:
        await log.check(after, wanted)
    except BadCursor as error:
        raise parameter_problem(name, str(error)) from None
    except JournalUnavailable as error:
        raise ReadsUnavailable(str(error)) from error
    if request.scope["method"] == "HEAD":
        return Answer(200, b"", (), EVENT_STREAM)
    # A stream is not a request under way: it may go on for days, and must not count as load.
    in_flight = request.site.metrics.in_flight
    try:
        stream = request.site.streams.open(log, after, wanted, request.until_gone(), in_flight.inc)
    except TooManyStreams:
        detail = f"This process serves {STREAMS_MAX} streams, and no more. Come back later, or read pages of GET /v1/events."
        raise Problem("overloaded", detail, headers=retry_after(_RETRY_SECONDS)) from None
    in_flight.dec()
    return Answer(200, b"", (), EVENT_STREAM, chunks=stream)


async def list_event_types(request: Request) -> Answer:
    """Read all types of events."""
    return Answer(200, _EVENT_TYPES)


async def read_event_schema(request: Request) -> Answer:
    """Read the schema of a type."""
    try:
        return Answer(200, schema_file(request.parameter), (), CONTENT_TYPE.encode())
    except KeyError:
        detail = f"There are no events of the type {request.parameter[:64]}; GET {_SCHEMAS} lists all types."
        raise Problem("event_type_not_found", detail) from None


def _filter_of(request: Request) -> EventFilter:
    account = request.query.get("account")
    if account is not None and not is_account_id(account):
        raise parameter_problem("account", "no account can have such an id: it has 1 to 64 of A-Z a-z 0-9 _ . : -")
    try:
        return EventFilter.of(request.query.get("type"), account, request.ledger.shards)
    except BadFilter as error:
        raise parameter_problem("type", str(error)) from None


async def _position(log: EventLog, name: str, text: str | None) -> Positions:
    """Return the position that the text of this parameter or header says. Raises Problem, ReadsUnavailable."""
    if text is None:
        return Positions.beginning(log.shards)
    place = parse_name(text)
    try:
        if text == LATEST:
            return await log.latest()
        return await log.behind(place) if place is not None else Positions.read(text, log.shards)
    except BadCursor as error:
        detail = "send a cursor unchanged, an event's id as `3:1042:0`, or `latest`"
        raise parameter_problem(name, f"{error}; {detail}") from None
    except JournalUnavailable as error:
        raise ReadsUnavailable(str(error)) from error


_EVENT_TYPES = encode_json(
    EventTypesBody([EventTypeBody(kind, text, schema_name(kind), f"{_SCHEMAS}/{kind}") for kind, text in TYPES.items()])
)
_TEXT = {"type": "string"}
_POSITION = (
    "Where to go on: a cursor; the `id` of an event, behind which its own shard goes on exactly and the others at most a minute "
    "before (so that events may come again, and none is left out); or `latest`. If nothing is said, at the beginning."
)
_CURSOR = {"type": "string", "maxLength": CURSOR_CHARACTERS_MAX}
_FILTERS = (
    Parameter("account", "query", "Only events that tell this account's balances or status.", _TEXT, example="acc_alice"),
    Parameter(
        "type", "query", "Only events of these types, with commas between; `payment.*` means all that begin so.", _TEXT,
        example="payment.*",
    ),
)  # fmt: skip
_PROBLEMS = ("invalid_parameter", "reads_unavailable")
ROUTES = (
    Route(
        "GET", "/v1/events", list_events, "List events", "Events", {200: EventsBody},
        "Everything that has happened, as CloudEvents 1.0, oldest first; those of one shard in its order, those of several roughly by "
        "time. Read from the journal itself: what was answered before is there, so there is no token to send. A page may be short or "
        "empty although `has_more` is true, since only so much of the journal is looked at for one page. `next_cursor` holds a "
        "position in every shard: going on from it, nothing is skipped and nothing comes twice.",
        None, (Parameter(_AFTER, "query", _POSITION, _CURSOR), LIMIT, *_FILTERS), _PROBLEMS,
    ),
    Route(
        "GET", "/v1/events/stream", stream_events, "Follow events", "Events", {200: EVENT_STREAM.decode()},
        "Server-sent events without an end: `id` is a cursor, `event` the type, `data` the CloudEvent on one line. A comment comes "
        "every few seconds if nothing else does. A client that comes back with `Last-Event-ID` misses nothing and gets nothing twice. "
        "A client that reads slowly falls behind, and loses nothing by that.",
        None,
        (
            Parameter(_AFTER, "query", _POSITION, _CURSOR, example=LATEST),
            Parameter(_LAST_EVENT_ID, "header", "As `after`, which it stands above.", _CURSOR),
            *_FILTERS,
        ),
        (*_PROBLEMS, "overloaded"),
    ),
    Route(
        "GET", _SCHEMAS, list_event_types, "List the types of events", "Events", {200: EventTypesBody},
        "What each means, and where its schema is.", None, (), ("invalid_parameter",),
    ),
    Route(
        "GET", f"{_SCHEMAS}/{{id}}", read_event_schema, "Read the schema of a type of events", "Events", {200: CONTENT_TYPE},
        "JSON Schema 2020-12 of the whole CloudEvent. Members may be added; what is there stays as it is.",
        None, (Parameter("id", "path", "The type.", _TEXT, required=True, example="payment.succeeded"),),
        ("event_type_not_found", "invalid_parameter"),
    ),
)  # fmt: skip
