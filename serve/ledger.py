"""What the HTTP layer needs of the ledger behind it. `actors.router` implements it over the shard hosts."""

from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeVar

import msgspec

from actors.errors import LedgerError, OutcomeUnknown, Overloaded, ShardUnavailable
from actors.host import HostStatus
from actors.payment_outcomes import PaymentOutcomes
from processor.core.messages import AnyAnswer, AnyMessage, Capture, OperationAnswer, PayMany, Refund, Void
from processor.operation_history import RecordedOperation
from serve.reads import Reads

__all__ = [
    "HostStatus",
    "Ledger",
    "LedgerError",
    "OutcomeUnknown",
    "Overloaded",
    "RecordedOperation",
    "ShardStatus",
    "ShardUnavailable",
    "expect",
]


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
    """The shards, wherever they live. NotOwner, Busy and Unknown are answers of `submit` alone; else they are solved, or a LedgerError."""

    @property
    def reads(self) -> Reads:
        """The lists and the past."""
        ...

    @property
    def shards(self) -> int:
        """The number of shards, fixed when the ledger was created."""
        ...

    async def ask(self, message: AnyMessage) -> AnyAnswer:
        """Return the shard's answer. Raises LedgerError."""
        ...

    def submit(self, message: AnyMessage) -> Awaitable[AnyAnswer]:
        """Send the message, once and before anything is waited for, and return what its answer can be waited for by.

        Not to wait any longer takes nothing back. NotOwner, Busy and Unknown are for `insist`.
        """
        ...

    async def insist(self, message: AnyMessage, answer: AnyAnswer) -> AnyAnswer:
        """Go on asking after this answer to `submit`. Raises LedgerError."""
        ...

    async def ask_all(self, messages: list[AnyMessage]) -> list[AnyAnswer | LedgerError]:
        """Return the answers, or what would have been raised, in the messages' order."""
        ...

    async def pay_many(self, payments: PayMany) -> PaymentOutcomes:
        """Return what became of each of the payments, with what would have been raised among the `others`."""
        ...

    async def operations(self, accepted: Sequence[tuple[Capture | Void | Refund, OperationAnswer]]) -> list[RecordedOperation]:
        """Return what each accepted operation did, in order, from the journal. Raises LedgerError."""
        ...

    async def shard_status(self) -> list[ShardStatus]:
        """Return every shard in the order of their numbers. Raises LedgerError."""
        ...

    async def host_status(self) -> list[HostStatus]:
        """Return how each shard host that answers is doing."""
        ...

    async def readiness(self) -> list[str]:
        """Return what keeps the ledger from working, one sentence each; empty: nothing."""
        ...

    async def reach(self) -> list[str]:
        """Return what of the ledger works and cannot be reached from here, one sentence each; empty: nothing."""
        ...


Kind = TypeVar("Kind")


def expect(answer: object, kind: type[Kind]) -> Kind:
    """Return the answer if it is of this kind; raise it if it is a LedgerError. Anything else is our own mistake: TypeError."""
    if isinstance(answer, kind):
        return answer
    if isinstance(answer, LedgerError):
        raise answer
    raise TypeError(f"the ledger answered with {type(answer).__name__} where {kind.__name__} was due")
