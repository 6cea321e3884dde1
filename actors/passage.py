"""The way through a shard host's door: one connection for one process, opened when it is needed, and again when it was lost."""

import asyncio
from collections.abc import Awaitable, Callable

from actors.door import DoorPlace
from actors.frames import FrameProtocol, Kind
from actors.host import HostGone

CONNECT_TIMEOUT_SECONDS = 5.0


class Passage:
    """Calls to one host. `find` returns where its door is at present, and raises HostGone if the host is dead."""

    def __init__(self, find: Callable[[], Awaitable[DoorPlace]]) -> None:
        self._find = find
        self._line: _Line | None = None
        self._connecting = asyncio.Lock()

    async def submit(self, batch: bytes) -> bytes:
        """Hand over messages and get their answers. Raises HostGone: what was handed over may or may not have happened."""
        return await (await self._open()).ask(batch)

    async def exchange(self, batch: bytes) -> None:
        """Hand over messages from other hosts' shards; whether they arrive is not told. Raises HostGone."""
        (await self._open()).send(0, Kind.EXCHANGE, batch)

    async def status(self) -> bytes:
        """Return what the host says of itself. Raises HostGone."""
        return await (await self._open()).ask(b"", Kind.STATUS)

    def close(self) -> None:
        """End the connection."""
        if self._line is not None:
            self._line.transport.abort()

    async def _open(self) -> "_Line":
        if self._line is not None and self._line.is_open:
            return self._line
        async with self._connecting:
            if self._line is None or not self._line.is_open:
                self._line = await self._connect()
            return self._line

    async def _connect(self) -> "_Line":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                place = await self._find()
                _, line = await loop.create_connection(_Line, place.address, place.port)
        except (OSError, TimeoutError) as error:
            raise HostGone(f"no way through the host's door: {error or 'it took too long'}") from error
        line.send(0, Kind.HELLO, place.secret)
        return line


class _Line(FrameProtocol):
    """One connection."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = True
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._number = 0

    def ask(self, batch: bytes, kind: Kind = Kind.SUBMIT) -> asyncio.Future[bytes]:
        """Send a batch and return the future of its answers."""
        self._number += 1
        future = self._waiting[self._number] = self._loop.create_future()
        self.send(self._number, kind, batch)
        return future

    def take(self, number: int, kind: int, payload: bytes) -> None:
        future = self._waiting.pop(number, None)
        if future is None or future.done():
            return
        if kind == Kind.ANSWER:
            future.set_result(payload)
        else:
            future.set_exception(RuntimeError(f"the host could not take a batch: {payload.decode(errors='replace')}"))

    def lost(self) -> None:
        self.is_open = False
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(HostGone("the connection to the host was lost"))
