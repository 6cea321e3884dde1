"""Many payments at once, as columns. The common case is decided without making a message or an answer for each payment; whatever
does not fit is handed, in its turn, to the ledger's plain road.

Here alone the effects of events are written out beside `Shard.apply`, because a call for each of them takes longer than what it
does. That both give the same records and the same state, byte for byte, is held by tests/property/test_many.py.
"""

from typing import TYPE_CHECKING
from zlib import crc32

from processor.core import events as e
from processor.core.account import HIGHEST_BALANCE, LOWEST_BALANCE
from processor.core.key_filter import may_have
from processor.core.messages import DIGEST_BYTES, AnyAnswer, PaidMany, Pay, PayMany
from processor.core.recall import Recall
from processor.core.shard import Shard, pack_outcome
from processor.core.turn import AfterSeal, Pending

if TYPE_CHECKING:
    from processor.core.ledger import Ledger

Single = tuple[Pay, AnyAnswer | Pending | AfterSeal | Recall]
"""A payment that went the plain road, and what the ledger said."""


class _Place:
    """One shard while payments are made: its open record as far as it has come."""

    __slots__ = (
        "accounts",
        "at",
        "earlier",
        "events",
        "index",
        "key_filter",
        "number",
        "outcomes",
        "record",
        "sequence",
        "shard",
    )

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.number = shard.number
        self.accounts = shard.accounts
        self.outcomes = shard.outcomes
        self.earlier = shard.earlier
        self.key_filter = shard.key_filter
        self.sequence = shard.sequence + 1
        self.at = shard.at
        self.index = shard.index
        self.events: list[e.AnyEvent] | None = None
        self.record = -1

    def is_new(self, key: bytes) -> bool:
        """Return True if the key was certainly never used before the newest generation of outcomes."""
        return key not in self.earlier and (self.key_filter is None or not may_have(self.key_filter, key))


def pay_many(ledger: "Ledger", payments: PayMany) -> tuple[PaidMany, list[Single]]:  # noqa: PLR0915
    """Decide the payments in their order."""
    count = ledger.shard_count
    places: dict[int, _Place] = {}
    size = len(payments)
    keys, fingerprints = payments.keys, payments.fingerprints
    currencies = payments.currencies if len(payments.currencies) > 1 else payments.currencies * size
    references = payments.references or [None] * size
    records: list[tuple[int, int, int]] = []
    record_of: list[int] = []
    indexes: list[int] = []
    singles: list[Single] = []
    # What went from one shard to another, in the currency at hand: home * count + other -> amount.
    flows: dict[int, int] = {}
    flowing = ""
    first = 0
    for source_id, target_id, amount, currency, reference in zip(
        payments.from_accounts, payments.to_accounts, payments.amounts, currencies, references, strict=True
    ):
        key = keys[first : first + DIGEST_BYTES]
        number = crc32(source_id.encode()) * count >> 32
        home = places.get(number) or _place(ledger, places, number)
        number = crc32(target_id.encode()) * count >> 32
        other = places.get(number) or _place(ledger, places, number)
        if home is not None and other is not None:
            source, target = home.accounts.get(source_id), other.accounts.get(target_id)
            # The ledger's plain road knows the same condition.
            if (
                source is not None
                and target is not None
                and source is not target
                and source.status == "open"
                and target.status == "open"
                and source.currency == target.currency == currency
                and (from_posted := source.posted - amount) - source.pending_out
                >= (LOWEST_BALANCE if (floor := source.min_balance) is None else floor)
                and (to_posted := target.posted + amount) + target.pending_in
                <= (HIGHEST_BALANCE if (ceiling := target.max_balance) is None else ceiling)
                and key not in home.outcomes
                and (home.is_new(key) if home.earlier or home.key_filter else True)
            ):
                if home.events is None:
                    _open(ledger, home)
                if home.record < 0:
                    home.record = len(records)
                    records.append((home.at, home.number, home.sequence))
                index = home.index
                home.index = index + 1
                fingerprint = fingerprints[first : first + DIGEST_BYTES]
                sequence = home.sequence
                if other is home:
                    home.events.append(  # type: ignore[union-attr]
                        e.Paid(
                            key, fingerprint, source_id, target_id, amount, currency, from_posted, source.last_sequence,
                            to_posted, target.last_sequence, reference, None,
                            (source.pending_out, source.pending_in, target.pending_out, target.pending_in)
                            if source.pending_out or source.pending_in or target.pending_out or target.pending_in else (),
                        )
                    )  # fmt: skip
                    target.last_sequence = sequence
                else:
                    if other.events is None:
                        _open(ledger, other)
                    home.events.append(  # type: ignore[union-attr]
                        e.PaidOut(
                            key, fingerprint, source_id, target_id, amount, currency, other.number, from_posted,
                            source.last_sequence, reference, None,
                            (source.pending_out, source.pending_in) if source.pending_out or source.pending_in else (),
                        )
                    )  # fmt: skip
                    other.events.append(  # type: ignore[union-attr]
                        e.PaidIn(
                            home.number, sequence, index, source_id, target_id, amount, currency, to_posted,
                            target.last_sequence,
                            (target.pending_out, target.pending_in) if target.pending_out or target.pending_in else (),
                        )
                    )  # fmt: skip
                    other.index += 1
                    target.last_sequence = other.sequence
                    if currency != flowing:
                        _settle(places, flows, count, flowing)
                        flowing = currency
                    flow = home.number * count + other.number
                    flows[flow] = flows.get(flow, 0) + amount
                source.posted = from_posted
                source.version += 1
                source.last_sequence = sequence
                target.posted = to_posted
                target.version += 1
                home.outcomes[key] = pack_outcome(fingerprint, home.at, sequence, sequence, index, 0, 0)
                indexes.append(index)
                record_of.append(home.record)
                first += DIGEST_BYTES
                continue
        _settle(places, flows, count, flowing)
        _close(places)
        pay = payments.pay(len(indexes), count)
        singles.append((pay, ledger.handle(pay)))
        _resume(places)
        indexes.append(0)
        record_of.append(-1)
        first += DIGEST_BYTES
    _settle(places, flows, count, flowing)
    _close(places)
    positions = sorted((place.number, place.sequence) for place in places.values() if place.events is not None)
    return PaidMany(records, record_of, indexes, positions), singles


def _place(ledger: "Ledger", places: dict[int, _Place], number: int) -> _Place | None:
    """Return the place of a shard that no payment has touched so far, or None if the shard is not here."""
    shard = ledger.shards.get(number)
    if shard is None:
        return None
    place = places[number] = _Place(shard)
    return place


def _open(ledger: "Ledger", place: _Place) -> None:
    """Begin to write to the shard's open record."""
    place.events = ledger.record(place.shard)
    place.at = place.shard.at


def _settle(places: dict[int, _Place], flows: dict[int, int], count: int, currency: str) -> None:
    """Book what went from one shard to another."""
    for flow, amount in flows.items():
        home, other = places[flow // count], places[flow % count]
        home.shard.send(other.number, currency, amount)
        other.shard.send(home.number, currency, -amount)
    flows.clear()


def _close(places: dict[int, _Place]) -> None:
    """Tell the shards how far their records have come."""
    for place in places.values():
        place.shard.index = place.index


def _resume(places: dict[int, _Place]) -> None:
    """Go on after the plain road has changed the shards."""
    for place in places.values():
        place.index = place.shard.index
