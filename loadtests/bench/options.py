"""How long and how large the measurements are."""

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds` is the time of one side in one round; `size` how many payments are replayed and listed,
    and accounts and keys remembered; `accounts_large` what `scale` compares `accounts` with; `profile` the folder for flame graphs."""

    rounds: int = 5
    seconds: float = 3.0
    connections: int = 64
    accounts: int = 10_000
    accounts_large: int = 1_000_000
    size: int = 1_000_000
    profile: str | None = None
    skip_serve_limit: bool = False
