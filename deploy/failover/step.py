"""A step of the failover: first it looks, then it says what it would do, and only if it is told to does it do it."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from deploy.failover.landscape import Landscape


class StepFailed(Exception):
    """A step could not be taken. The message says why, and what to do."""


class Clients(Protocol):
    """Gives a client of an AWS service in a region."""

    def __call__(self, service: str, region: str) -> Any: ...


class Kubectl(Protocol):
    """Runs kubectl on a cluster, and returns what it prints. Raises StepFailed."""

    def __call__(self, cluster: str, *arguments: str) -> str: ...


class Work(NamedTuple):
    """What steps work on, and with. `planned`: both regions are well, and nothing may be lost. `old_is_gone`: people know from elsewhere
    that the old region takes no payments any more. `pause` waits for so many seconds; `say` tells people."""

    landscape: Landscape
    planned: bool
    old_is_gone: bool
    clients: Clients
    kubectl: Kubectl
    pause: Callable[[float], None]
    say: Callable[[str], None]

    @property
    def journal(self) -> str:
        """Where the ledger is written from now on. After a loss the copy of the table is no mirror: it may have half of an append."""
        return self.landscape.journal if self.planned else "postgres"


class Step(NamedTuple):
    """One step. `look` returns what is still to be done, as sentences, and nothing if all of it is done; `act` does it, and may be called
    again. Steps that only read are taken in a dry run too."""

    name: str
    look: Callable[[Work], list[str]]
    act: Callable[[Work], None]
    only_reads: bool = False
