"""A shard host's listener: takes batches straight from other processes' event loops.

Ray places the actor and notices its death, and the shard map tells others where its door is. For an actor call costs half a
millisecond of CPU on either side and crosses three threads, each waiting for the interpreter's lock; through the door a batch costs two
system calls.
"""

import asyncio
import logging
from collections.abc import Callable
from hmac import compare_digest
from secrets import token_bytes
from typing import Protocol

import msgspec

from actors.frames import FrameProtocol, Kind

logger = logging.getLogger(__name__)

_SECRET_BYTES = 32


class DoorPlace(msgspec.Struct, frozen=True):
    """Where a door is, and what to say there. The secret stands in the shard map, so whoever may read that may come in: a role of the
    database for people must not (deploy/kuberay/README.md)."""

    address: str
    port: int
    secret: bytes


class Served(Protocol):
    """What is behind the door."""

    def put(self, batch: bytes) -> asyncio.Future[bytes]:
        """Queue a MessagePack list of messages and return the future of the list of answers."""
        ...

    def receive(self, batch: bytes) -> None:
        """Take a MessagePack list of messages from other hosts' shards."""
        ...


def _nothing() -> bytes:
    return b""


class Door:
    """Listens on one address, at a free port."""

    def __init__(self, served: Served, status: Callable[[], bytes] = _nothing) -> None:
        """`status` returns what is told to whoever asks how the host is doing."""
        self._served = served
        self._status = status
        self._secret = token_bytes(_SECRET_BYTES)
        self._visitors: set[_Visitor] = set()
        self._server: asyncio.Server | None = None

    async def open(self, address: str) -> DoorPlace:
        """Begin to listen. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._visitor, address, 0)
        return DoorPlace(address, self._server.sockets[0].getsockname()[1], self._secret)

    def _visitor(self) -> "_Visitor":
        return _Visitor(self._served, self._status, self._secret, self._visitors)

    def close(self) -> None:
        """End all connections; who waits for an answer learns that the host is gone."""
        if self._server is not None:
            self._server.close()
        for visitor in list(self._visitors):
            visitor.transport.abort()


class _Visitor(FrameProtocol):
    """One connection from another process."""

    def __init__(self, served: Served, status: Callable[[], bytes], secret: bytes, visitors: "set[_Visitor]") -> None:
        super().__init__()
        self._served = served
        self._status = status
        self._secret = secret
        self._visitors = visitors
        self._is_known = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._visitors.add(self)

    def take(self, number: int, kind: int, payload: bytes) -> None:
        if not self._is_known:
            self._is_known = kind == Kind.HELLO and compare_digest(payload, self._secret)
            if not self._is_known:
                logger.warning("a connection did not say the secret, and was closed")
                self.transport.abort()
        elif kind == Kind.SUBMIT:
            self._submit(number, payload)
        elif kind == Kind.EXCHANGE:
            self._guarded(number, lambda: self._served.receive(payload))
        elif kind == Kind.STATUS:
            self._guarded(number, lambda: self.send(number, Kind.ANSWER, self._status()))
        else:
            self.transport.abort()

    def lost(self) -> None:
        self._visitors.discard(self)

    def _submit(self, number: int, payload: bytes) -> None:
        def submit() -> None:
            self._served.put(payload).add_done_callback(lambda done: self._answer(number, done))

        self._guarded(number, submit)

    def _guarded(self, number: int, work: Callable[[], None]) -> None:
        """Do it; what cannot be read is a fault of the other side's, which is told."""
        try:
            work()
        except Exception as error:
            logger.exception("a batch of messages could not be taken")
            self.send(number, Kind.FAILURE, f"{type(error).__name__}: {error}".encode())

    def _answer(self, number: int, done: asyncio.Future[bytes]) -> None:
        # A visitor that has gone does not take back what it has submitted; only nobody is left to be told.
        if not self.transport.is_closing() and not done.cancelled():
            self.send(number, Kind.ANSWER, done.result())
