"""What a journal says about transfers between hosts, and whether it may say so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from processor.core import events as e
from processor.core.messages import Condition, Kind, Leg
from processor.core.results import Result
from tests.audit.lines import Line
from tests.model.payments import ACCEPTED, Verdict, where_of_undone
from tests.model.reference_ledger import ReferenceLedger

SETTLING = (Kind.CAPTURE, Kind.VOID, Kind.EXPIRY)
REFUNDING = (Kind.REFUND, Kind.REVERSAL)


class JournalLies(AssertionError):
    """The journal holds something that the rules forbid. The message says what and where."""


def must(condition: bool, what: str) -> None:
    """Raise JournalLies unless the condition holds."""
    if not condition:
        raise JournalLies(what)


Spot = tuple[int, int, int]
"""(time, sequence, index) of an event at home."""


@dataclass
class Travel:
    """One transfer from the event on that began it. `legs` are posted where it is committed, in the direction of the money.

    What is done to a payment later is `about` that payment's spot; of a capture, void or expiry `released` are the legs with what
    is held of each no longer.
    """

    home: int
    number: int
    place: Spot
    key: bytes | None
    fingerprint: bytes
    legs: tuple[Leg, ...]
    participants: frozenset[int]
    kind: Kind = Kind.PAYMENT
    is_long: bool = False
    about: Spot | None = None
    conditions: Sequence[Condition] | None = None
    released: tuple[Leg, ...] = ()
    reserved: set[int] = field(default_factory=set)
    refused: dict[int, Verdict] = field(default_factory=dict)
    received: bool = False
    verdict: Verdict | None = None
    settled: set[int] = field(default_factory=set)
    is_forgotten: bool = False

    @property
    def is_short(self) -> bool:
        """Whether its one participant decides."""
        return len(self.legs) == 1 and not self.is_long

    @property
    def payment_place(self) -> Spot:
        """The spot of the payment that it is about."""
        return self.about or self.place


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

    def undecided_keys(self, home: int) -> set[bytes]:
        """Return the keys of a home's transfers without a decision."""
        mine = [travel for travel in self.known.values() if travel.home == home and travel.verdict is None]
        return {travel.key for travel in mine if travel.key is not None}

    def _is_closed(self, travel: Travel) -> bool:
        return travel.verdict is not None and (travel.is_short or travel.is_forgotten)

    def on(self, shard: int) -> Callable[[str], bool]:
        """Return whether an account lives on the shard."""
        return lambda account: self._shard_of(account) == shard

    def shards_of(self, legs: Sequence[Leg]) -> set[int]:
        """Return the shards on which the legs change anything."""
        return {self._shard_of(account) for leg in legs if leg.amount for account in (leg.from_account, leg.to_account)}

    # At home.

    def reserve(self, travel: Travel) -> None:
        """The home has reserved its side."""
        self._open(travel, travel.legs)
        verdict = self._judge(travel, travel.home)
        must(verdict == ACCEPTED, f"reserved at home, though the rules say {verdict}: {travel}")
        self._reserve(travel, travel.home)

    def settle_later(self, travel: Travel) -> None:
        """The home has decided alone, and will tell the others."""
        self._open(travel, travel.released)
        travel.verdict = ACCEPTED

    def _open(self, travel: Travel, legs: tuple[Leg, ...]) -> None:
        expected = self._numbers.get(travel.home, 0) + 1
        must(travel.number == expected, f"transfer {travel.number} of shard {travel.home} follows {expected - 1}")
        self._numbers[travel.home] = travel.number
        shards = self.shards_of(legs)
        must(travel.participants == shards - {travel.home}, f"participants {travel.participants} where the legs touch {shards}")
        self.known[travel.home, travel.number] = travel

    def decide(self, shard: int, event: e.Decided) -> tuple[Travel, list[Line]]:
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
            must(verdict in self._said_forwards(travel), f"cancelled as {verdict}, which nobody said: {travel}")
            must(not travel.received, f"cancelled after it was received: {travel}")
        travel.verdict = verdict
        return travel, self._carry_out(travel, shard)

    def forget(self, shard: int, number: int) -> None:
        """The home drops the transfer."""
        travel = self.known[shard, number]
        must(travel.settled == travel.participants, f"forgotten before all participants have settled: {travel}")
        travel.is_forgotten = True

    @staticmethod
    def _said_forwards(travel: Travel) -> list[Verdict]:
        """Return what participants refused, about the payment's own legs: those of a refund go backwards."""
        if travel.kind not in REFUNDING:
            return list(travel.refused.values())
        return [(result, where_of_undone(where, len(travel.legs))) for result, where in travel.refused.values()]

    # At a participant.

    def part_reserve(self, shard: int, event: e.PartReserved) -> None:
        """A participant has reserved its side."""
        travel = self._part(shard, event.home, event.number, (event.at, event.sequence, event.index), event.kind)
        must(event.legs == travel.legs, f"the participant was told other legs: {travel}")
        must(travel.verdict is None or travel.verdict[0] is not Result.ACCEPTED, f"reserved after it was committed: {travel}")
        verdict = self._judge(travel, shard)
        must(verdict == ACCEPTED, f"reserved on shard {shard}, though the rules say {verdict}: {travel}")
        self._first_word(travel, shard)
        travel.reserved.add(shard)
        self._reserve(travel, shard)

    def part_refuse(self, shard: int, event: e.PartRefused) -> None:
        """A participant cannot take part."""
        travel = self._part(shard, event.home, event.number, None, None)
        said = (Result(event.result), event.where)
        verdict = self._judge(travel, shard)
        must(verdict == said, f"refused on shard {shard} as {said}, though the rules say {verdict}: {travel}")
        self._first_word(travel, shard)
        travel.refused[shard] = said
        travel.settled.add(shard)

    def receive(self, shard: int, event: e.Received) -> list[Line]:
        """The short road's decision; return the balances that it must have led to."""
        travel = self._part(shard, event.home, event.number, (event.at, event.sequence, event.index), event.kind)
        must(travel.is_short and travel.verdict is None, f"received on the short road: {travel}")
        must(event.from_account == travel.legs[0].from_account, f"received from somebody else: {travel}")
        verdict = self._judge(travel, shard)
        must(verdict == ACCEPTED, f"received, though the rules say {verdict}: {travel}")
        self._first_word(travel, shard)
        travel.received = True
        travel.settled.add(shard)
        return self.post(travel.legs, shard)

    def part_decide(self, shard: int, event: e.PartDecided) -> list[Line]:
        """The decision has reached a participant; return the balances that it must have led to."""
        is_told = event.committed or (event.at, event.sequence, event.index) != (0, 0, 0)
        place, kind = ((event.at, event.sequence, event.index), event.kind) if is_told else (None, None)
        travel = self._part(shard, event.home, event.number, place, kind)
        if travel.verdict is None:
            raise JournalLies(f"shard {shard} records a decision that was not made: {travel}")
        must((travel.verdict[0] is Result.ACCEPTED) == event.committed, f"shard {shard} records the opposite decision: {travel}")
        must(shard not in travel.settled, f"settled twice on shard {shard}: {travel}")
        travel.settled.add(shard)
        return self._carry_out(travel, shard) if shard in travel.reserved else []

    def settle(self, shard: int, event: e.Settled) -> list[Line]:
        """A decision about a hold has reached a participant; return the balances that it must have led to."""
        travel = self._part(shard, event.home, event.number, (event.at, event.sequence, event.index), event.kind)
        must(travel.kind in SETTLING, f"settled, though it is not for the home alone to decide: {travel}")
        must(shard not in travel.settled, f"settled twice on shard {shard}: {travel}")
        travel.settled.add(shard)
        self._model.reserve(travel.released, self.on(shard), -1)
        return self.post(travel.legs, shard)

    # Both.

    def post(self, legs: tuple[Leg, ...], shard: int) -> list[Line]:
        """Let the legs take effect on one shard; return (account, signed amount, balance after)."""
        lines = []
        for side, balance in self._model.post(legs, self.on(shard)):
            account = self._model.accounts[side.account]
            floor = account.min_balance
            must(side.amount > 0 or floor is None or balance >= floor, f"{side.account} falls to {balance}, below {floor}")
            lines.append((side.account, side.amount, balance))
        return lines

    def _judge(self, travel: Travel, shard: int) -> Verdict:
        if travel.kind is Kind.HOLD:
            return self._model.judge_hold(travel.legs, self.on(shard), travel.conditions)
        return self._model.judge(travel.legs, self.on(shard), travel.conditions, travel.kind is Kind.REVERSAL)

    def _reserve(self, travel: Travel, shard: int, sign: int = 1) -> None:
        if travel.kind is Kind.HOLD:
            self._model.reserve(travel.legs, self.on(shard), sign)
        else:
            self._model.reserve_at_worst(travel.legs, self.on(shard), sign)

    def _carry_out(self, travel: Travel, shard: int) -> list[Line]:
        """Let the decision take effect on one shard. What a hold has reserved stays so."""
        assert travel.verdict is not None
        is_committed = travel.verdict[0] is Result.ACCEPTED
        if is_committed and travel.kind is Kind.HOLD:
            return []
        self._reserve(travel, shard, -1)
        return self.post(travel.legs, shard) if is_committed else []

    def _part(self, shard: int, home: int, number: int, place: Spot | None, kind: Kind | None) -> Travel:
        travel = self.known.get((home, number))
        if travel is None:
            raise JournalLies(f"shard {shard} takes part in transfer {number} of shard {home}, which was never reserved there")
        must(shard in travel.participants, f"shard {shard} takes part uninvited: {travel}")
        must(place in (None, travel.payment_place), f"shard {shard} was told another place: {travel}")
        must(kind in (None, travel.kind), f"shard {shard} was told that it is a {kind}: {travel}")
        return travel

    def _first_word(self, travel: Travel, shard: int) -> None:
        has_spoken = shard in travel.reserved or shard in travel.refused or shard in travel.settled
        must(not has_spoken, f"shard {shard} answers a second time: {travel}")
