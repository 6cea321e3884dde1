"""The record whose events are being told, and what all that tell them need."""

from collections.abc import Mapping, Sequence

from processor.core import events as e
from processor.core.ids import record_prefix
from processor.core.messages import Kind, Leg
from processor.creation import Created
from processor.eventlog import catalogue as types
from processor.eventlog.event import AboutBalances, AboutPayment, AnyData, PublishedEvent
from processor.eventlog.origins import Key, Origin
from processor.eventlog.payments import OPERATIONS, AnyStatus, payment_data
from processor.eventlog.standing import Standing
from processor.journal.interface import JournalCorrupt
from processor.journal.record import Record


class Telling:
    """Adds the events that one record publishes to `published`; `index` is the event's that is being told.

    `origins` has all older events to which the record refers.
    """

    __slots__ = ("at", "index", "origins", "prefix", "published", "sequence", "shard")

    def __init__(self, record: Record, origins: Mapping[Key, Origin], published: list[PublishedEvent]) -> None:
        self.shard, self.sequence, self.at = record.shard, record.sequence, record.at
        self.prefix = record_prefix(record.at, record.shard, record.sequence)
        self.origins = origins
        self.published = published
        self.index = 0

    def add(self, kind: str, subject: str, accounts: tuple[str, ...], data: AnyData) -> None:
        """Add what the event at `index` says."""
        self.published.append(PublishedEvent(self.shard, self.sequence, self.index, self.at, kind, subject, accounts, data))

    def payment(
        self,
        kind: str,
        operation: Kind,
        created: Created,
        place: tuple[int, int, int, int],
        status: AnyStatus,
        amounts: tuple[int, ...],
        stands: Standing,
        stand: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None = None,
        reason: str | None = None,
        code: str | None = None,
    ) -> None:
        """Add an event about a payment. `stand`: what is held, captured and refunded of it; None: as its status says."""
        nothing = (0,) * len(created.legs)
        held, captured, refunded = stand or (
            amounts if status == "held" else nothing, amounts if status == "succeeded" else nothing, nothing
        )  # fmt: skip
        payment = payment_data(created, place, status, held, captured, refunded)
        entries, balances, accounts = stands
        data = AboutPayment(OPERATIONS[operation], payment, amounts, reason, entries, balances, code)
        self.add(kind, payment.id, accounts, data)

    def balances(self, operation: Kind, identity: str, stands: Standing) -> None:
        """Add an event about accounts alone, unless none is touched."""
        entries, balances, accounts = stands
        if accounts:
            self.add(
                types.BALANCES_CHANGED, identity, accounts, AboutBalances(OPERATIONS[operation], identity, entries, balances)
            )

    def created(self, sequence: int, index: int) -> Created:
        """Return what the payment at this place of the shard was made as. Raises JournalCorrupt."""
        created = self.origins[self.shard, sequence, index]
        if not isinstance(created, Created):
            raise JournalCorrupt(f"shard {self.shard}: record {self.sequence} is about {sequence}:{index}, which is no payment")
        return created

    def legs(self, balances: Sequence[e.Balances] | None, payment: Key) -> tuple[Leg, ...]:
        """Return the legs of another shard's payment; () where they are not needed."""
        created = self.origins[payment] if balances is None else None
        return created.legs if created is not None else ()

    def here(self) -> tuple[int, int, int, int]:
        """Return the place of the event that is being told."""
        return self.at, self.shard, self.sequence, self.index

    def place_of(self, event: e.OfPayment) -> tuple[int, int, int, int]:
        """Return the place of the payment that the event is about."""
        return event.at, self.shard, event.sequence, event.index
