"""Frames over one TCP connection: a head of thirteen bytes (length, number, kind), then the payload."""

import asyncio
from enum import IntEnum
from struct import Struct
from typing import cast

_HEAD = Struct("<IQB")
FRAME_BYTES_MAX = 512 * 2**20
"""A connection that announces more is not one of ours, and is closed."""


class Kind(IntEnum):
    """What a frame is. A connection begins with HELLO; SUBMIT and STATUS are answered by ANSWER or FAILURE of the same number."""

    HELLO = 0
    SUBMIT = 1
    EXCHANGE = 2
    ANSWER = 3
    FAILURE = 4
    STATUS = 5


class FrameProtocol(asyncio.Protocol):
    """Cuts what arrives into frames. `take` and `lost` are for subclasses to fill in."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are not its subclasses

    def connection_lost(self, error: Exception | None) -> None:
        self._received.clear()
        self.lost()

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        start, end = 0, len(received)
        while end - start >= _HEAD.size:
            length, number, kind = _HEAD.unpack_from(received, start)
            if length > FRAME_BYTES_MAX:
                self.transport.abort()
                return
            first = start + _HEAD.size
            if end - first < length:
                break
            start = first + length
            # Copied out at once: what is decoded from it may outlive the buffer.
            with memoryview(received) as view:
                payload = bytes(view[first:start])
            self.take(number, kind, payload)
        if start:
            del received[:start]

    def send(self, number: int, kind: Kind, payload: bytes) -> None:
        """Write one frame."""
        head = _HEAD.pack(len(payload), number, kind)
        if len(payload) < 16_384:
            self.transport.write(head + payload)
        else:
            self.transport.writelines((head, payload))

    def take(self, number: int, kind: int, payload: bytes) -> None:
        """Do what the frame asks for."""
        raise NotImplementedError

    def lost(self) -> None:
        """Clean up after the connection has ended."""
        raise NotImplementedError
