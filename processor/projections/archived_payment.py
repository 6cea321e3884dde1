"""A payment out of the archive: from its row, or from the journal if it was made after the rows."""

from collections.abc import Mapping
from typing import Any

import msgspec

from processor.core import events as e
from processor.core.messages import Leg, Metadata
from processor.core.payment import Payment, immediate
from processor.core.results import Result
from processor.creation import created_by
from processor.journal.interface import Journal
from processor.projections.rows import decode_legs

RECORDS_MAX = 20_000
"""How many records are searched for the decision about a payment that travels. One takes a few; more mean that it is not needed:
an undecided payment is in its shard's memory."""

PAYMENT_COLUMNS = (
    "at", "shard", "sequence", "index", "status", "from_account", "to_account", "amount", "currency", "legs", "held", "captured",
    "refunded", "expires_at", "reference", "metadata", "changed",
)  # fmt: skip

_decode_metadata = msgspec.json.Decoder(Metadata).decode


def payment_of(row: Mapping[str, Any]) -> Payment:
    """Return the payment that a row of `payments` tells; `refunding` is in no row, because only memory needs it."""
    legs = (
        decode_legs(row["legs"])
        if row["legs"] is not None
        else (Leg(row["from_account"], row["to_account"], row["amount"], row["currency"]),)
    )
    metadata = _decode_metadata(row["metadata"]) if row["metadata"] is not None else None
    at, sequence, index, reference = row["at"], row["sequence"], row["index"], row["reference"]
    if row["captured"] is None:
        payment = immediate(at, sequence, index, legs, reference, metadata)
        payment.changed = row["changed"]
        return payment
    nothing = (0,) * len(legs)
    return Payment(
        at, sequence, index, legs, tuple(row["held"]), tuple(row["captured"]), tuple(row["refunded"]), nothing,
        row["expires_at"], row["status"] == "expired", reference, metadata, row["changed"],
    )  # fmt: skip


async def payment_in_journal(journal: Journal, shard: int, place: tuple[int, int, int]) -> Payment | None:
    """Return the payment that was made at this place, as it was made, or None. Raises JournalUnavailable, JournalCorrupt."""
    at, sequence, index = place
    record = await journal.record(shard, sequence)
    if record is None or record.at != at:
        return None
    events = e.decode_events(record.payload)
    event = events[index] if index < len(events) else None
    created = created_by(event)
    if created is None:
        return None
    decided = await _decided(journal, shard, sequence, event.number) if isinstance(event, e.Reserved) else sequence
    return created.payment(at, sequence, index, decided) if decided is not None else None


async def _decided(journal: Journal, shard: int, sequence: int, number: int) -> int | None:
    """Return the record that commits a transfer; None if it was cancelled, or is not decided."""
    async for record in journal.read(shard, sequence - 1, sequence + RECORDS_MAX):
        for event in e.decode_events(record.payload):
            if isinstance(event, e.Decided) and event.number == number:
                return record.sequence if event.result == Result.ACCEPTED else None
    return None
