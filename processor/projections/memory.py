"""What the fold of one shard has to remember between records: accounts of which something is reserved, transfers under way."""

from collections.abc import Mapping

import msgspec

from processor.core import events as e
from processor.core.ensure import Broken

BeginningEvent = e.Reserved | e.RefundReserved | e.PartReserved

STANDINGS_MAX = 20_000
"""How many accounts with nothing reserved are remembered, so that their next hold need not look them up."""

encode_event = msgspec.msgpack.Encoder().encode
decode_beginning = msgspec.msgpack.Decoder(BeginningEvent).decode


class Standing(msgspec.Struct, gc=False):
    """An account's balances after its newest line."""

    posted: int = 0
    pending_out: int = 0
    pending_in: int = 0


class Begun(msgspec.Struct, frozen=True, gc=False):
    """The event that began a transfer, and its place in this shard's journal."""

    at: int
    sequence: int
    index: int
    event: BeginningEvent


class Memory(msgspec.Struct):
    """`standings` holds every account with something reserved, and some others. `transfers` is by (home, number)."""

    standings: dict[str, Standing]
    transfers: dict[tuple[int, int], Begun]

    def standing(self, account: str) -> Standing:
        """Return an account's balances. Raises Broken if they are not known."""
        try:
            return self.standings[account]
        except KeyError:
            raise Broken(f"the balances of {account} are needed and were not read") from None

    def learn(self, accounts: Mapping[str, int]) -> None:
        """Take in accounts of which nothing is reserved, with their posted balances."""
        for account, posted in accounts.items():
            self.standings.setdefault(account, Standing(posted))

    def prune(self) -> None:
        """Drop accounts of which nothing is reserved once there are many."""
        if len(self.standings) > STANDINGS_MAX:
            self.standings = {
                account: standing for account, standing in self.standings.items() if standing.pending_out or standing.pending_in
            }
