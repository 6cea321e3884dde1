"""What runs as a bridge, and how it says how it is doing."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

State = Literal["starting", "running", "waiting", "broken"]


class UnknownBridge(Exception):
    """This version of the program has no bridge of that name."""


class Counts(msgspec.Struct):
    """What has come to the target, what will never (dead letters), how often something had to be tried again, and what else a bridge
    counts, by name."""

    published: int = 0
    rejected: int = 0
    retries: int = 0
    figures: dict[str, int] = {}


class Term:
    """The time for which one copy of a bridge is its newest. `epoch` proves it; what is reported is written down every second.

    `has_redrives`: there are dead letters that are to be tried again.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.state: State = "starting"
        self.problem: str | None = None
        self.counts = Counts()
        self.has_redrives = False

    def report(self, state: State, problem: str | None = None) -> None:
        """Say how it is going. `problem`: one sentence for an operator: what is wrong, and what can be done about it."""
        self.state, self.problem = state, problem

    def count(self, published: int = 0, rejected: int = 0, retries: int = 0, figures: Mapping[str, int] | None = None) -> None:
        """Add to the counts."""
        self.counts.published += published
        self.counts.rejected += rejected
        self.counts.retries += retries
        for name, number in (figures or {}).items():
            self.counts.figures[name] = self.counts.figures.get(name, 0) + number


class Work(Protocol):
    """Something that goes on for ever in an actor of its own, under a name."""

    @property
    def name(self) -> str:
        """The bridge's name, as in the settings."""
        ...

    async def run(self, term: Term) -> None:
        """Work until cancelled, and report. Called again, with pauses, if it raises anything but the following.

        Raises Replaced (another copy is at work), JournalCorrupt, Broken (a person has to look; not called again).
        """
        ...
