"""How a commit loop is doing: counts since its start, and how long its last thousand commits took."""

from collections import deque
from collections.abc import Sequence

import msgspec

from actors.buckets import MESSAGES, SECONDS, Buckets, Distribution

RETRY_AFTER_SECONDS_MIN = 0.1
RETRY_AFTER_SECONDS_MAX = 5.0


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the ordered values lie; 0.0 if there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class CommitCounts(msgspec.Struct, frozen=True):
    """What a commit loop has done since its start.

    `turn_messages`: messages of each turn; `decide_seconds` and `append_seconds`: the two parts of a turn. `busy`: messages refused
    because the queue was full, or the archive silent. `recall_seconds`: for each message that the archive was asked about, how
    long it waited. `halts`: how often memory was given up for the journal.
    """

    turn_messages: Distribution
    decide_seconds: Distribution
    append_seconds: Distribution
    recall_seconds: Distribution
    busy: int
    halts: int


class CommitTimes:
    """Counts since the start, and durations in seconds of the newest commits. Called by the turn, never by the payment."""

    def __init__(self) -> None:
        self._turn_messages = Buckets(MESSAGES)
        self._decide = Buckets(SECONDS)
        self._append = Buckets(SECONDS)
        self._recall = Buckets(SECONDS)
        self._recent: deque[tuple[int, float]] = deque(maxlen=1000)
        self.busy = 0
        self.halts = 0

    @property
    def turns(self) -> int:
        """How many turns had something to do."""
        return self._turn_messages.count

    @property
    def messages(self) -> int:
        """How many messages they took."""
        return int(self._turn_messages.total)

    @property
    def decide_seconds(self) -> float:
        """How long they took to decide."""
        return self._decide.total

    @property
    def append_seconds(self) -> float:
        """How long they took to append."""
        return self._append.total

    def observe(self, messages: int, decide_seconds: float, append_seconds: float) -> None:
        """Take note of one turn."""
        self._turn_messages.add(messages)
        self._decide.add(decide_seconds)
        self._append.add(append_seconds)
        self._recent.append((messages, decide_seconds + append_seconds))

    def observe_recall(self, seconds: float) -> None:
        """Take note of a message that has waited so long for the archive."""
        self._recall.add(seconds)

    def counts(self) -> CommitCounts:
        """Return everything that was counted."""
        turns, decide, append, recall = self._turn_messages, self._decide, self._append, self._recall
        return CommitCounts(turns.read(), decide.read(), append.read(), recall.read(), self.busy, self.halts)

    def commit_seconds(self, share: float) -> float:
        """Return a percentile of recent turns' durations."""
        return percentile(sorted(seconds for _, seconds in self._recent), share)

    def drain_seconds(self, queued: int) -> float:
        """Return how long that many messages will take at the recent rate, within what a client should be told to wait."""
        messages = sum(count for count, _ in self._recent)
        seconds = sum(seconds for _, seconds in self._recent)
        expected = queued * seconds / messages if messages else RETRY_AFTER_SECONDS_MIN
        return min(RETRY_AFTER_SECONDS_MAX, max(RETRY_AFTER_SECONDS_MIN, expected))
