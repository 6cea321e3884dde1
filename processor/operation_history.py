"""What the journal tells about a capture, void, refund or reversal: its amounts, and the payment as it stood right after it."""

from collections import OrderedDict

import msgspec

from processor.core import events as e
from processor.core.ids import Place
from processor.core.messages import PaymentView
from processor.creation import Created, created_by
from processor.journal.interface import Journal

RECORDS_KEPT = 32

Amounts = tuple[int, ...]
AnyOperation = e.Captured | e.Released | e.Refunded | e.RefundReserved
Decision = e.Captured | e.Released | e.Refunded | e.Decided


class RecordedOperation(msgspec.Struct, frozen=True):
    """What was done to each leg, and the payment right after."""

    amounts: Amounts
    payment: PaymentView


class OperationHistory:
    """Finds operations in a journal. Keeps a few decoded records, since what is asked together is often recorded together."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._records: OrderedDict[tuple[int, int], tuple[int, list[e.AnyEvent]]] = OrderedDict()

    async def find(self, payment: Place, operation: Place, as_of: int) -> RecordedOperation | None:
        """Return the accepted operation at this place, or None if there is none; `as_of` is the record that decided it.

        Raises JournalCorrupt, JournalUnavailable.
        """
        created, event = created_by(await self._event(payment)), await self._event(operation)
        about = (payment.at, payment.sequence, payment.index)
        if created is None or not isinstance(event, AnyOperation) or (event.at, event.sequence, event.index) != about:
            return None
        decision: Decision | None
        if isinstance(event, e.RefundReserved):
            decision = await self._decision(payment.shard, as_of, event.number)
        else:
            decision = event
        amounts = event.released if isinstance(event, e.Released) else event.amounts
        view = _right_after(decision, about, created, as_of) if decision is not None else None
        return RecordedOperation(amounts, view) if view is not None else None

    async def _event(self, place: Place) -> e.AnyEvent | None:
        at, events = await self._record(place.shard, place.sequence)
        return events[place.index] if at == place.at and place.index < len(events) else None

    async def _decision(self, shard: int, sequence: int, number: int) -> e.Decided | None:
        _, events = await self._record(shard, sequence)
        return next((event for event in events if isinstance(event, e.Decided) and event.number == number), None)

    async def _record(self, shard: int, sequence: int) -> tuple[int, list[e.AnyEvent]]:
        found = self._records.get((shard, sequence))
        if found is None:
            record = await self._journal.record(shard, sequence)
            found = (record.at, e.decode_events(record.payload)) if record is not None else (0, [])
            self._records[shard, sequence] = found
            if len(self._records) > RECORDS_KEPT:
                self._records.popitem(last=False)
        return found


def _right_after(decision: Decision, about: tuple[int, int, int], created: Created, as_of: int) -> PaymentView | None:
    held = (0,) * len(created.legs) if isinstance(decision, e.Released) else decision.held
    if decision.status is None or held is None or decision.captured is None or decision.refunded is None:
        return None
    return PaymentView(
        *about, decision.status, created.legs, held, decision.captured, decision.refunded, created.expires_at,
        created.reference, created.metadata, as_of,
    )  # fmt: skip
