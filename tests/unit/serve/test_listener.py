"""A listener that is about to close loses nobody: the kernel is told to send newcomers elsewhere."""

import ctypes
import errno
import select
import socket
import struct
from collections.abc import Iterator

import pytest

from serve.listener import accept_all, drop_new_connections, is_shaking_hands, open_listener

CONNECTIONS = 20
_SO_ATTACH_FILTER = 26
# Passes SYN alone: handshakes begin and never end.
_PASS_ONLY_SYN = ((0x30, 0, 0, 13), (0x45, 1, 0, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def listening(port: int = 0) -> socket.socket:
    listener = open_listener("127.0.0.1", port)
    listener.listen()
    return listener


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with listening() as opened:
        yield opened


def begin_connecting(port: int) -> socket.socket:
    connecting = socket.socket()
    connecting.setblocking(False)
    assert connecting.connect_ex(("127.0.0.1", port)) in (0, errno.EINPROGRESS)
    return connecting


def test_what_waits_in_the_queue_is_taken_and_newcomers_reach_the_other_listener(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    before = [begin_connecting(port) for _ in range(CONNECTIONS)]
    with listening(port) as other:
        drop_new_connections(listener)
        after = [begin_connecting(port) for _ in range(CONNECTIONS)]
        assert len(accept_all(listener)) == len(before)
        assert accept_all(listener) == []
        listener.close()
        for connecting in after:
            # Some were dropped: the kernel tries them again after a second.
            select.select([], [connecting], [])
            assert connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        assert len(accept_all(other)) == len(after)
    for connecting in (*before, *after):
        connecting.close()


def test_an_unfinished_handshake_is_seen(listener: socket.socket) -> None:
    assert not is_shaking_hands(listener)
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in _PASS_ONLY_SYN))
    program = struct.pack("HL", len(_PASS_ONLY_SYN), ctypes.addressof(instructions))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    with begin_connecting(listener.getsockname()[1]):
        assert is_shaking_hands(listener)
        with listening() as elsewhere:
            assert not is_shaking_hands(elsewhere)
