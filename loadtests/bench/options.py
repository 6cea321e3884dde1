"""How long and how large the measurements are."""

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds` is the time of one side in one round; `size` how many payments are replayed and listed,
    and accounts and keys remembered."""

    rounds: int = 5
    seconds: float = 3.0
    connections: int = 64
    accounts: int = 10_000
    size: int = 1_000_000
    skip_serve_limit: bool = False
