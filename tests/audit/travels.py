"""What a journal says about payments over several hosts, and whether it may say so."""

from collections.abc import Callable
from dataclasses import dataclass, field

from processor.core import events as e
from processor.core.messages import Leg
from processor.core.results import Result
from tests.model.reference_ledger import ReferenceLedger, Verdict


class JournalLies(AssertionError):
    """The journal holds something that the rules forbid. The message says what and where."""


def must(condition: bool, what: str) -> None:
    """Raise JournalLies unless the condition holds."""
    if not condition:
        raise JournalLies(what)


Place = tuple[int, int, int]
"""(time, sequence, index) of the event with which a payment begins at home."""


@dataclass
class Travel:
    """One transfer from its reservation on."""

    home: int
    number: int
    place: Place
    key: bytes
    fingerprint: bytes
    legs: tuple[Leg, ...]
    participants: frozenset[int]
    reserved: set[int] = field(default_factory=set)
    refused: dict[int, Verdict] = field(default_factory=dict)
    received: bool = False
    verdict: Verdict | None = None
    settled: set[int] = field(default_factory=set)
    is_forgotten: bool = False

    @property
    def is_short(self) -> bool:
        """Whether its one participant decides."""
        return len(self.legs) == 1


class Travels:
    """All transfers by (home, number), and what they do to the model's balances."""

    def __init__(self, model: ReferenceLedger, shard_of: Callable[[str], int]) -> None:
        self._model = model
        self._shard_of = shard_of
        self.known: dict[tuple[int, int], Travel] = {}
        self._numbers: dict[int, int] = {}

    def open_ones(self) -> list[Travel]:
        """Return the transfers that are not closed at home, or not settled everywhere."""
        return [travel for travel in self.known.values() if not self._is_closed(travel)]

    def _is_closed(self, travel: Travel) -> bool:
        return travel.verdict is not None and (travel.is_short or travel.is_forgotten)

    def on(self, shard: int) -> Callable[[str], bool]:
        """Return whether an account lives on the shard."""
        return lambda account: self._shard_of(account) == shard

    def reserve(self, travel: Travel) -> None:
        """The home has reserved its side."""
        expected = self._numbers.get(travel.home, 0) + 1
        must(travel.number == expected, f"transfer {travel.number} of shard {travel.home} follows {expected - 1}")
        self._numbers[travel.home] = travel.number
        shards = {self._shard_of(account) for leg in travel.legs for account in (leg.from_account, leg.to_account)}
        must(travel.participants == shards - {travel.home}, f"participants {travel.participants} where the legs touch {shards}")
        verdict = self._model.judge(travel.legs, self.on(travel.home))
        must(verdict[0] is Result.ACCEPTED, f"reserved at home, though the rules say {verdict}: {travel}")
        self._model.hold(travel.legs, self.on(travel.home))
        self.known[travel.home, travel.number] = travel

    def part_reserve(self, shard: int, event: e.PartReserved) -> None:
        """A participant has reserved its side."""
        travel = self._part(shard, event.home, event.number, (event.at, event.sequence, event.index))
        must(event.legs == travel.legs, f"the participant was told other legs: {travel}")
        must(travel.verdict is None or travel.verdict[0] is not Result.ACCEPTED, f"reserved after it was committed: {travel}")
        verdict = self._model.judge(travel.legs, self.on(shard))
        must(verdict[0] is Result.ACCEPTED, f"reserved on shard {shard}, though the rules say {verdict}: {travel}")
        self._first_word(travel, shard)
        travel.reserved.add(shard)
        self._model.hold(travel.legs, self.on(shard))

    def part_refuse(self, shard: int, event: e.PartRefused) -> None:
        """A participant cannot take part."""
        travel = self._part(shard, event.home, event.number, None)
        said = (Result(event.result), event.where)
        verdict = self._model.judge(travel.legs, self.on(shard))
        must(verdict == said, f"refused on shard {shard} as {said}, though the rules say {verdict}: {travel}")
        self._first_word(travel, shard)
        travel.refused[shard] = said
        travel.settled.add(shard)

    def receive(self, shard: int, event: e.Received) -> list[tuple[str, int, int]]:
        """The short road's decision; return the balances that it must have led to."""
        travel = self._part(shard, event.home, event.number, (event.at, event.sequence, event.index))
        must(travel.is_short and travel.verdict is None, f"received on the short road: {travel}")
        verdict = self._model.judge(travel.legs, self.on(shard))
        must(verdict[0] is Result.ACCEPTED, f"received, though the rules say {verdict}: {travel}")
        self._first_word(travel, shard)
        travel.received = True
        travel.settled.add(shard)
        return self.post(travel.legs, shard)

    def decide(self, shard: int, event: e.Decided) -> tuple[Travel, list[tuple[str, int, int]]]:
        """The home's decision; return the transfer and the balances that it must have led to."""
        travel = self.known.get((shard, event.number))
        if travel is None or travel.verdict is not None:
            raise JournalLies(f"shard {shard} decides transfer {event.number}, which is not open")
        must((event.at, event.sequence, event.index) == travel.place, f"the decision names another place: {travel}")
        verdict = (Result(event.result), event.where)
        if verdict[0] is Result.ACCEPTED:
            agreed = travel.received if travel.is_short else travel.reserved == travel.participants
            must(agreed, f"committed without everybody's consent: {travel}")
        elif verdict[0] is Result.SHARD_UNAVAILABLE:
            must(not travel.is_short, f"given up on the short road, where the other side decides: {travel}")
        else:
            must(verdict in travel.refused.values(), f"cancelled as {verdict}, which nobody said: {travel}")
            must(not travel.received, f"cancelled after it was received: {travel}")
        travel.verdict = verdict
        self._model.hold(travel.legs, self.on(shard), -1)
        posted = self.post(travel.legs, shard) if verdict[0] is Result.ACCEPTED else []
        return travel, posted

    def part_decide(self, shard: int, event: e.PartDecided) -> list[tuple[str, int, int]]:
        """The decision has reached a participant; return the balances that it must have led to."""
        place = (event.at, event.sequence, event.index) if event.committed else None
        travel = self._part(shard, event.home, event.number, place)
        if travel.verdict is None:
            raise JournalLies(f"shard {shard} records a decision that was not made: {travel}")
        must((travel.verdict[0] is Result.ACCEPTED) == event.committed, f"shard {shard} records the opposite decision: {travel}")
        must(shard not in travel.settled, f"settled twice on shard {shard}: {travel}")
        travel.settled.add(shard)
        if shard in travel.reserved:
            self._model.hold(travel.legs, self.on(shard), -1)
        return self.post(travel.legs, shard) if event.committed else []

    def forget(self, shard: int, number: int) -> None:
        """The home drops the transfer."""
        travel = self.known[shard, number]
        must(travel.settled == travel.participants, f"forgotten before all participants have settled: {travel}")
        travel.is_forgotten = True

    def post(self, legs: tuple[Leg, ...], shard: int) -> list[tuple[str, int, int]]:
        """Let the legs take effect on one shard; return (account, signed amount, balance after)."""
        lines = []
        for side, balance in self._model.post(legs, self.on(shard)):
            account = self._model.accounts[side.account]
            floor = account.min_balance
            must(side.amount > 0 or floor is None or balance >= floor, f"{side.account} falls to {balance}, below {floor}")
            lines.append((side.account, side.amount, balance))
        return lines

    def _part(self, shard: int, home: int, number: int, place: Place | None) -> Travel:
        travel = self.known.get((home, number))
        if travel is None:
            raise JournalLies(f"shard {shard} takes part in transfer {number} of shard {home}, which was never reserved there")
        must(shard in travel.participants, f"shard {shard} takes part uninvited: {travel}")
        must(place in (None, travel.place), f"shard {shard} was told another place: {travel}")
        return travel

    def _first_word(self, travel: Travel, shard: int) -> None:
        has_spoken = shard in travel.reserved or shard in travel.refused or shard in travel.settled
        must(not has_spoken, f"shard {shard} answers a second time: {travel}")
