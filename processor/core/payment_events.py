"""What events about holds, captures, releases and refunds change in a shard: the rest of `Shard.apply`."""

from typing import TYPE_CHECKING

import msgspec

from processor.core import events as e
from processor.core.ensure import ensure
from processor.core.key_filter import add_keys
from processor.core.legs import with_amounts
from processor.core.messages import Kind
from processor.core.payment import held, minus, place_key, plus
from processor.core.peers import Transfer

if TYPE_CHECKING:
    from processor.core.shard import Shard


def apply_held(shard: "Shard", event: e.Held) -> None:
    """Money was reserved on accounts of this host alone."""
    sequence = shard.sequence + 1
    shard.reserve(event.holds, 1)
    payment = held(shard.at, sequence, shard.index, event.legs, event.expires_at, event.reference, event.metadata, sequence)
    shard.payments[payment.key] = payment
    shard.remember_outcome(event.key, event.fingerprint)


def apply_held_in(shard: "Shard", event: e.HeldIn) -> None:
    """Another shard's part of such a hold."""
    shard.reserve(event.holds, 1)
    keep_for(shard, event.home, place_key(event.home_sequence, event.home_index), event.holds)


def keep_for(shard: "Shard", home: int, key: int, holds: tuple[e.Hold, ...]) -> None:
    """Note what is held here for another shard's payment; it was reserved already."""
    kept = shard.held_for.setdefault(home, {})
    ensure(key not in kept, "a payment is held once")
    kept[key] = holds


def apply_captured(shard: "Shard", event: e.Captured) -> None:
    """Part or all of a hold was posted."""
    payment = shard.payments[place_key(event.sequence, event.index)]
    payment.held = minus(payment.held, event.released)
    payment.captured = plus(payment.captured, event.amounts)
    ensure(payment.held == event.held and min(payment.held) >= 0, "what a capture leaves held is what it says")
    ensure(payment.captured == event.captured and payment.refunded == event.refunded, "a payment stands as its capture says")
    payment.changed = shard.sequence + 1
    shard.reserve(event.holds, -1)
    shard.post(event.entries, event.transit)
    if event.number:
        _settle_elsewhere(shard, event, event.number, Kind.CAPTURE, event.key, event.fingerprint, event.amounts, event.released)
    shard.remember_outcome(event.key, event.fingerprint)


def apply_released(shard: "Shard", event: e.Released) -> None:
    """All that was still held was given back."""
    payment = shard.payments[place_key(event.sequence, event.index)]
    ensure(payment.held == event.released, "a release gives back all that is held")
    payment.held = (0,) * len(payment.legs)
    payment.has_expired = event.kind == Kind.EXPIRY
    payment.changed = shard.sequence + 1
    shard.reserve(event.holds, -1)
    if event.number:
        nothing = (0,) * len(payment.legs)
        key, fingerprint = event.key or b"", event.fingerprint or b""
        _settle_elsewhere(shard, event, event.number, event.kind, key, fingerprint, nothing, event.released)
    if event.key is not None and event.fingerprint is not None:
        shard.remember_outcome(event.key, event.fingerprint)


def _settle_elsewhere(
    shard: "Shard",
    event: e.Captured | e.Released,
    number: int,
    kind: Kind,
    key: bytes,
    fingerprint: bytes,
    amounts: tuple[int, ...],
    released: tuple[int, ...],
) -> None:
    """Note that other hosts' shards are to be told of a decision that has been made."""
    ensure(number == shard.next_number, "transfers are numbered densely")
    shard.next_number += 1
    legs = shard.payments[place_key(event.sequence, event.index)].legs
    sequence = shard.sequence + 1
    shard.transfers[number] = Transfer(
        number, key, fingerprint, shard.at, sequence, shard.index,
        with_amounts(legs, amounts),
        (), event.participants, 0, 0, sequence, kind, True, (event.at, event.sequence, event.index), released,
    )  # fmt: skip


def apply_settled(shard: "Shard", event: e.Settled) -> None:
    """Another shard's part of a capture, a release or a refund."""
    if event.holds:
        _release_for(shard, event)
    shard.reserve(event.holds, -1)
    shard.post(event.entries, event.transit)
    if event.number:
        shard.remember_settled(event)


def _release_for(shard: "Shard", event: e.Settled) -> None:
    kept = shard.held_for[event.home]
    key = place_key(event.sequence, event.index)
    gone = {hold.account: hold for hold in event.holds}
    left = []
    for hold in kept[key]:
        released = gone.pop(hold.account, None)
        outgoing = hold.outgoing - (released.outgoing if released is not None else 0)
        incoming = hold.incoming - (released.incoming if released is not None else 0)
        ensure(outgoing >= 0 and incoming >= 0, "no more is released than was held")
        if outgoing or incoming:
            left.append(e.Hold(hold.account, outgoing, incoming))
    ensure(not gone, "only what was held is released")
    if left:
        kept[key] = tuple(left)
        return
    del kept[key]
    if not kept:
        del shard.held_for[event.home]


def apply_refunded(shard: "Shard", event: e.Refunded) -> None:
    """Captured money was moved back, all of it on this host."""
    payment = shard.payments[place_key(event.sequence, event.index)]
    payment.refunded = plus(payment.refunded, event.amounts)
    ensure(
        (payment.held, payment.captured, payment.refunded) == (event.held, event.captured, event.refunded),
        "a payment stands as its refund says",
    )
    ensure(min(minus(payment.captured, payment.refunded)) >= 0, "no more is refunded than was captured")
    payment.changed = shard.sequence + 1
    shard.post(event.entries, event.transit)
    shard.remember_outcome(event.key, event.fingerprint)


def apply_refund_reserved(shard: "Shard", event: e.RefundReserved) -> None:
    """A refund over several hosts has begun."""
    ensure(event.number == shard.next_number, "transfers are numbered densely")
    payment = shard.payments[place_key(event.sequence, event.index)]
    payment.refunding = plus(payment.refunding, event.amounts)
    shard.reserve(event.holds, 1)
    shard.next_number += 1
    shard.transfers[event.number] = Transfer(
        event.number, event.key, event.fingerprint, shard.at, shard.sequence + 1, shard.index, event.legs, event.holds,
        event.participants, None, 0, 0, event.kind, event.is_long, (event.at, event.sequence, event.index), event.amounts,
    )  # fmt: skip
    shard.remember_open(event.key, event.fingerprint, event.number)


def apply_recalled(shard: "Shard", event: e.Recalled) -> None:
    """A payment that memory did not have is back."""
    payment = event.payment
    ensure(payment.key not in shard.payments, "only what memory does not have is recalled")
    shard.payments[payment.key] = msgspec.structs.replace(payment)  # The event is encoded later: it must not change with this.


def apply_aged(shard: "Shard", event: e.Aged) -> None:
    """What was old is forgotten, what is there becomes old. What still travels stays: the archive does not have it yet."""
    dropped = shard.earlier
    kept = {
        transfer.key: dropped.pop(transfer.key)
        for transfer in shard.transfers.values()
        if transfer.result is None and transfer.key in dropped
    }
    if dropped:
        if shard.key_filter is None:
            shard.key_filter = bytearray(event.filter_bytes)
        add_keys(shard.key_filter, dropped)
    shard.earlier, shard.outcomes = shard.outcomes, kept
    shard.forgotten, shard.boundary, shard.aged_at = shard.boundary, shard.sequence + 1, shard.at
    shard.payments = {
        key: payment for key, payment in shard.payments.items() if payment.is_open or payment.changed > shard.forgotten
    }
