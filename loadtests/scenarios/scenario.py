"""What a scenario is."""

from typing import Literal

import msgspec

Draw = Literal["random", "zipf", "hot", "cross_shard_half"]
Kind = Literal["single", "batch", "hold_capture"]


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of load. `rate` is the payments offered in a second unless the command line says otherwise.

    `draw` chooses the accounts of a payment, `kind` the requests that it takes. `repeated_share` of the requests repeat an
    earlier key. `errors_allowed_share` of the requests may end with another answer than success before the run has failed;
    a request that was dropped is not an error. `shard_hosts` is how many an instance of our own gets.
    """

    name: str
    description: str
    rate: float
    draw: Draw = "random"
    kind: Kind = "single"
    batch_payments: int = 1
    repeated_share: float = 0.0
    kills_host: bool = False
    shard_hosts: int = 1
    errors_allowed_share: float = 0.0
