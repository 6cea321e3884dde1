"""The lines on accounts: one for each change of what is posted or reserved, with the balances after it."""

from collections.abc import Sequence

from processor.core import events as e
from processor.core.ensure import ensure
from processor.projections.memory import Memory
from processor.projections.rows import Key, Rows


class Lines:
    """Makes the lines of one shard's records, and keeps the memory's balances up with them."""

    __slots__ = ("_append", "_at", "_counts", "_memory", "_rows", "_sequence", "_standings")

    def __init__(self, memory: Memory, rows: Rows) -> None:
        """Add the lines to `rows`. Call `begin` before each record."""
        self._memory = memory
        self._rows = rows
        self._append = rows.entries.append
        self._standings = memory.standings
        self._counts: dict[str, int] = {}
        self._at = self._sequence = 0

    def begin(self, sequence: int, at: int) -> None:
        """Number the lines of another record."""
        self._sequence, self._at = sequence, at
        self._counts.clear()

    def add(self, account: str, amount: int, posted: int, kind: int, payment: Key) -> None:
        """Add a line about a payment; `posted` is the balance after it."""
        counts = self._counts
        line = counts.get(account, 0)
        counts[account] = line + 1
        at, shard, sequence, index = payment
        standing = self._standings.get(account)
        if standing is None:
            self._append((account, self._at, self._sequence, line, kind, amount, posted, 0, 0, at, shard, sequence, index))
            return
        standing.posted = posted
        pending_out, pending_in = standing.pending_out, standing.pending_in
        self._append((
            account, self._at, self._sequence, line, kind, amount, posted, pending_out, pending_in, at, shard, sequence, index
        ))  # fmt: skip

    def post(self, entries: Sequence[e.Entry], kind: int, payment: Key) -> None:
        """Add a line for each entry."""
        for entry in entries:
            self.add(entry.account, entry.amount, entry.posted, kind, payment)

    def settle(self, holds: Sequence[e.Hold], entries: Sequence[e.Entry], kind: int, payment: Key) -> None:
        """Release holds and post entries; an account with an entry needs no line for its release."""
        self.move(holds, -1, kind, payment, {entry.account for entry in entries})
        self.post(entries, kind, payment)

    def move(
        self, holds: Sequence[e.Hold], sign: int, kind: int, payment: Key, posting: frozenset[str] | set[str] = frozenset()
    ) -> None:
        """Reserve (1) or release (-1); accounts that are `posting` get their line from their entry. Raises Broken."""
        for hold in holds:
            account = hold.account
            standing = self._memory.standing(account)
            standing.pending_out += sign * hold.outgoing
            standing.pending_in += sign * hold.incoming
            ensure(standing.pending_out >= 0 and standing.pending_in >= 0, f"what is reserved of {account} is released once")
            self._rows.change_pending(account, standing.pending_out, standing.pending_in)
            if account not in posting:
                self.add(account, 0, standing.posted, kind, payment)
