"""What the HTTP layer needs of the ledger behind it. `actors.router` implements it over the shard hosts."""

from typing import Literal, Protocol, TypeVar

import msgspec

from actors.errors import LedgerError, OutcomeUnknown, Overloaded, ShardUnavailable
from processor.core.messages import AccountView, AnyAnswer, AnyMessage, Pay, PayLegs, PaymentAnswer

__all__ = [
    "BadCursor",
    "Entry",
    "EntryPage",
    "Ledger",
    "LedgerError",
    "OutcomeUnknown",
    "Overloaded",
    "RecordedPayment",
    "ShardStatus",
    "ShardUnavailable",
    "expect",
]


class BadCursor(LedgerError):
    """The cursor was not issued by this ledger for this list."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One line on one account. `amount` is positive; `at` is in microseconds since 1970."""

    payment_id: str
    direction: Literal["debit", "credit"]
    amount: int
    posted_after: int
    at: int
    sequence: int


class EntryPage(msgspec.Struct, frozen=True):
    """Entries of an account, newest first; the page shows the account as of its shard's `sequence`."""

    entries: list[Entry]
    next_cursor: str | None
    sequence: int


class RecordedPayment(msgspec.Struct, frozen=True):
    """An accepted payment as the journal has it: what was asked, the answer, and the home shard's `sequence` as of then."""

    message: Pay | PayLegs
    answer: PaymentAnswer
    sequence: int


class ShardStatus(msgspec.Struct, frozen=True):
    """A shard and the host that owns it now (empty `host` and `actor`, `pid` 0: nobody). Commit times are in milliseconds."""

    shard: int
    host: str
    actor: str
    pid: int
    epoch: int
    sequence: int
    queue_length: int
    commit_p50_ms: float
    commit_p99_ms: float


class Ledger(Protocol):
    """The shards, wherever they live. Answers are never NotOwner, Busy or Unknown: those are solved, or raised as LedgerError."""

    @property
    def shards(self) -> int:
        """The number of shards, fixed when the ledger was created."""
        ...

    async def ask(self, message: AnyMessage) -> AnyAnswer:
        """Return the shard's answer. Raises LedgerError."""
        ...

    async def ask_all(self, messages: list[AnyMessage]) -> list[AnyAnswer | LedgerError]:
        """Return the answers, or what would have been raised, in the messages' order."""
        ...

    async def entries(self, account: str, cursor: str | None, limit: int) -> EntryPage | None:
        """Return a page of the account's entries, or None if there is no such account. Raises BadCursor, LedgerError."""
        ...

    async def balances_at(self, account: str, at: int) -> AccountView | None:
        """Return the account as it stood at `at` (microseconds), or None if it did not exist. Raises LedgerError."""
        ...

    async def payment(self, payment_id: str) -> RecordedPayment | None:
        """Return the accepted payment, or None if the journal has none with this id. Raises LedgerError."""
        ...

    async def shard_status(self) -> list[ShardStatus]:
        """Return every shard in the order of their numbers. Raises LedgerError."""
        ...

    async def readiness(self) -> list[str]:
        """Return what keeps the ledger from working, one sentence each; empty: nothing."""
        ...


Kind = TypeVar("Kind")


def expect(answer: object, kind: type[Kind]) -> Kind:
    """Return the answer if it is of this kind; raise it if it is a LedgerError. Anything else is our own mistake: TypeError."""
    if isinstance(answer, kind):
        return answer
    if isinstance(answer, LedgerError):
        raise answer
    raise TypeError(f"the ledger answered with {type(answer).__name__} where {kind.__name__} was due")
