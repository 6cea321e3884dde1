"""The socket on which the API listens. Replicas on one node share its port (SO_REUSEPORT): the kernel spreads connections over them.

The kernel resets what waits in a listener's accept queue when that is closed. So before its end a listener drops new attempts to connect:
a client's kernel repeats an attempt after a second, and then it reaches another replica's listener.
"""

import ctypes
import socket
from struct import Struct

# In the kernel's filter language: load byte 13 of the TCP header, its flags; if SYN is set drop the packet, else pass it whole.
_DROP_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
_INSTRUCTION = Struct("HBBI")
_PROGRAM = Struct("HL")
_SO_ATTACH_FILTER = 26  # Linux; neither this nor the following have names in the socket module

# A question to the kernel's socket table: header, what is asked for, and the local port as part of a socket's identity.
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP = 4, 20, 0x301
_HEADER = Struct("IHHII")
_QUESTION = Struct("BBBBI")
_IDENTITY = Struct("!HH44x")
_SYN_RECEIVED = 1 << 3
_ANSWER_BYTES = 65_536


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address that others of our processes may share. Raises OSError."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.setblocking(False)
    return listener


def drop_new_connections(listener: socket.socket) -> None:
    """Have the kernel ignore attempts to connect to this socket from now on; those begun before go on."""
    instructions = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*instruction) for instruction in _DROP_SYN))
    program = _PROGRAM.pack(len(_DROP_SYN), ctypes.addressof(instructions))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def is_shaking_hands(listener: socket.socket) -> bool:
    """Return whether the kernel is making a connection to the socket's port, for it or for another that shares the port."""
    port = listener.getsockname()[1]
    question = _QUESTION.pack(listener.family, socket.IPPROTO_TCP, 0, 0, _SYN_RECEIVED) + _IDENTITY.pack(port, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 0, 0) + question)
        _, kind, *_ = _HEADER.unpack_from(kernel.recv(_ANSWER_BYTES))
    # The first message is about a connection, if there is one; else it says that this was all.
    return bool(kind == _SOCK_DIAG_BY_FAMILY)


def accept_all(listener: socket.socket) -> list[socket.socket]:
    """Return the connections that wait in the accept queue."""
    accepted = []
    while True:
        try:
            accepted.append(listener.accept()[0])
        except BlockingIOError:
            return accepted
