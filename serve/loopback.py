"""Keeps a Serve replica's internal listener on the loopback interface."""

from collections.abc import Callable
from typing import Any

from ray.serve._private import replica

_EVERYWHERE, _LOOPBACK = "[::]:0", "127.0.0.1:0"


def keep_replicas_on_loopback() -> None:
    """Have the replicas of this process bind their gRPC server, which unpickles what it is sent, to 127.0.0.1.

    Ray 2.60 binds it to every interface, without a setting for it (`ray/serve/_private/replica.py`, `_on_initialized`), so its
    one call is redirected. Call it in the deployment's constructor, which runs before. Only for a node whose address is
    127.0.0.1: elsewhere other nodes need that port. Raises AttributeError if a later Ray has no such call.
    """
    bind: Callable[[Any, str], int] = replica.add_port_to_grpc_server
    if getattr(bind, "is_on_loopback", False):
        return

    def bind_to_loopback(server: Any, address: str) -> int:
        return bind(server, address.replace(_EVERYWHERE, _LOOPBACK))

    bind_to_loopback.is_on_loopback = True  # type: ignore[attr-defined]
    replica.add_port_to_grpc_server = bind_to_loopback
