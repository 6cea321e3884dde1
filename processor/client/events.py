"""Reads the event log over HTTP: to its end, or for ever. Connections are lost and made again; events are neither."""

import http.client
import ssl
from collections.abc import Iterable, Iterator
from random import Random
from time import sleep
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from processor.client.address import Address
from processor.client.reply import RETRYABLE_STATUSES, Reply, UnexpectedAnswer
from processor.client.retry import Retries

SILENCE_SECONDS_MAX = 20.0
"""A stream says something every five seconds: one that is silent for so long is lost."""

PAGE_EVENTS = 100
_LINE_BYTES_MAX = 1024 * 1024
_FOR_EVER = float("inf")


class ReadEvent(NamedTuple):
    """A CloudEvent in JSON (empty: there is none, only a place), and the cursor behind it."""

    body: bytes
    cursor: str


class _Page(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool
    next_cursor: str


class EventReader:
    """Reads from one API. `cursor` is where to go on: it moves with what is read."""

    def __init__(self, address: Address, after: str | None = None, account: str | None = None, types: str | None = None) -> None:
        """`after`: a cursor, an event's id, or `latest`; None: the beginning. `types`: as the API takes them, `payment.*,account.*`."""
        self._address = address
        self._after = after
        self._filters = {name: value for name, value in (("account", account), ("type", types)) if value is not None}
        self.cursor: str | None = None
        self.reconnections = 0

    def to_the_end(self, retry_seconds: float = 60.0) -> Iterator[bytes]:
        """Yield every event that there is.

        Raises Unavailable if the API does not answer at the beginning, or later for this long; UnexpectedAnswer if it refuses what
        is asked.
        """
        retries = self._retries(0.0)
        while True:
            after = {"after": after} if (after := self.cursor or self._after) is not None else {}
            try:
                with self._ask("/v1/events", {"limit": str(PAGE_EVENTS), **after, **self._filters}, {}) as answer:
                    page = msgspec.json.decode(answer.read(), type=_Page)
            except (OSError, http.client.HTTPException, _TryAgain, msgspec.MsgspecError) as error:
                _pause(retries, error)
                continue
            retries = self._retries(retry_seconds)
            yield from map(bytes, page.data)
            self.cursor = page.next_cursor
            if not page.has_more:
                return

    def follow(self, retry_seconds: float = _FOR_EVER) -> Iterator[bytes]:
        """Yield every event that there is and will be; what was lost with a connection is read again, and nothing else.

        Raises Unavailable if the API does not answer at the beginning, or later for this long; UnexpectedAnswer if it refuses what
        is asked.
        """
        retries = self._retries(0.0)
        while True:
            first = {"after": self._after} if self.cursor is None and self._after is not None else {}
            last = {} if self.cursor is None else {"Last-Event-ID": self.cursor}
            try:
                with self._ask("/v1/events/stream", {**first, **self._filters}, last) as answer:
                    retries = self._retries(retry_seconds)
                    for event in _events_of(_lines_of(answer)):
                        if event.body:
                            yield event.body
                        self.cursor = event.cursor
            except (OSError, http.client.HTTPException, _TryAgain) as error:
                _pause(retries, error)
                self.reconnections += 1

    def _retries(self, seconds: float) -> Retries:
        return Retries(self._address.url, seconds, Random())

    def _ask(self, path: str, query: dict[str, str], headers: dict[str, str]) -> http.client.HTTPResponse:
        """Return the answer, if it is one with the status 200."""
        address = self._address
        if address.is_tls:
            context = ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                address.host, address.port, timeout=SILENCE_SECONDS_MAX, context=context
            )
        else:
            connection = http.client.HTTPConnection(address.host, address.port, timeout=SILENCE_SECONDS_MAX)
        target = f"{address.prefix}{path}" + (f"?{urlencode(query)}" if query else "")
        # From here on the connection is the answer's own, and is closed with it.
        connection.request("GET", target, headers={**headers, "Connection": "close"})
        answer = connection.getresponse()
        if answer.status == 200:
            return answer
        with answer:
            headers_in = {name.lower().encode(): value.encode() for name, value in answer.getheaders()}
            reply = Reply(answer.status, headers_in, answer.read())
        if answer.status in RETRYABLE_STATUSES:
            raise _TryAgain(reply)
        raise UnexpectedAnswer(f"the API answered {reply.status}: {reply.problem()}")


class _TryAgain(Exception):
    """The API has said that the same may succeed later."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status} {reply.problem()}")
        self.reply = reply


def _pause(retries: Retries, error: Exception) -> None:
    reply = error.reply if isinstance(error, _TryAgain) else None
    sleep(
        retries.next_pause(
            str(error) or type(error).__name__,
            reply.retry_after_seconds if reply is not None else None,
            reply.status if reply is not None else None,
        )
    )


def _lines_of(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """Yield the lines of a stream, without their ends. Its end is a lost connection like any other."""
    while line := answer.readline(_LINE_BYTES_MAX):
        if not line.endswith(b"\n"):
            break
        yield line[:-1]
    raise http.client.IncompleteRead(b"")


def _events_of(lines: Iterable[bytes]) -> Iterator[ReadEvent]:
    """Yield what server-sent events hold; with an empty body where there is just a cursor."""
    body, cursor = b"", None
    for line in lines:
        name, _, value = line.partition(b": ")
        if name == b"data":
            body = value
        elif name == b"id":
            cursor = value.decode()
        elif not line and cursor is not None:
            yield ReadEvent(body, cursor)
            body, cursor = b"", None
