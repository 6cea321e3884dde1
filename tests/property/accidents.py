"""A cluster to which one accident happens, at one step of whatever is done on it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from processor.core import messages as m
from processor.core.ledger import Retention
from processor.core.peers import AnyPeerMessage
from processor.core.recall import AnyFact
from processor.core.turn import Pending
from tests.cluster import Answer, Cluster

What = Literal[
    "crash before the append", "crash after the append", "crash of the others", "shards rotate", "shards gather",
    "message lost", "message repeated", "message delayed",
]  # fmt: skip
TRIES_MAX = 10


@dataclass(frozen=True)
class Accident:
    """What happens, and at which step: a turn, or for messages one of those sent, both counted from 0."""

    what: What
    step: int


class AccidentalCluster(Cluster):
    """Counts `steps` and `messages`, beginning when `accident` is set. Clients ask until they are answered."""

    def __init__(self, shards: int, hosts: int, retention: Retention | None = None) -> None:
        super().__init__(shards, hosts, retention)
        self.accident: Accident | None = None
        self.steps = 0
        self.messages = 0
        self.happened = False
        self._delayed: list[AnyPeerMessage] = []

    def begin(self, accident: Accident | None) -> None:
        """Count from here on."""
        self.accident, self.steps, self.messages = accident, 0, 0

    def turn(
        self,
        host: int,
        messages: Iterable[m.AnyMessage] = (),
        peers: Iterable[AnyPeerMessage] = (),
        tick: bool = False,
        facts: Iterable[AnyFact] = (),
    ) -> list[Answer]:
        """Take a turn, if the accident lets it."""
        asked, before = list(messages), len(self.in_flight)
        is_now = self.accident is not None and self.accident.step == self.steps
        what = self.accident.what if self.accident is not None and is_now else None
        self.steps += 1
        if what == "crash before the append":
            self.happened = True
            self.crash(host)
            return [m.Unknown()] * len(asked)
        answers = super().turn(host, asked, peers, tick, facts)
        self._happen(what, host)
        self._disturb_messages(before)
        return [m.Unknown()] * len(asked) if what == "crash after the append" else answers

    def _happen(self, what: What | None, host: int) -> None:
        match what:
            case "crash after the append":
                self.crash(host)
            case "crash of the others":
                for other in range(len(self.ledgers)):
                    if other != host:
                        self.crash(other)
            case "shards rotate":
                for shard in range(self.shards):
                    self.move(shard, (self.owner[shard] + 1) % len(self.ledgers))
            case "shards gather":
                for shard in range(self.shards):
                    self.move(shard, 0)
            case _:
                return
        self.happened = True

    def _disturb_messages(self, before: int) -> None:
        """Let the accident happen to one of the messages that were sent since `before` were under way."""
        sent = self.in_flight[before:]
        first, self.messages = self.messages, self.messages + len(sent)
        if self.accident is None or not first <= self.accident.step < self.messages:
            return
        position = before + self.accident.step - first
        match self.accident.what:
            case "message lost":
                del self.in_flight[position]
            case "message repeated":
                self.in_flight.append(self.in_flight[position])
            case "message delayed":
                self._delayed.append(self.in_flight.pop(position))
            case _:
                return
        self.happened = True

    def settle(self) -> None:
        """Let everything come to rest; what was delayed arrives after that, long late."""
        super().settle()
        if self._delayed:
            self.in_flight, self._delayed = self._delayed, []
            super().settle()

    def ask(self, message: m.AnyMessage) -> m.AnyAnswer:
        """Ask again with the same key until there is an answer."""
        for _ in range(TRIES_MAX):
            answer = self.send(message)
            self.settle()
            if isinstance(answer, Pending):
                done = self.completed.get((answer.home, answer.number))
                if done is not None:
                    return done
            elif isinstance(answer, m.AnyAnswer) and not isinstance(answer, m.Unknown):
                return answer
        raise AssertionError(f"no answer to {message}")
