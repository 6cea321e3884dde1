"""Who tells which of the journal's events, and as which types of published events."""

from collections.abc import Callable
from typing import Any

from processor.core import events as e
from processor.eventlog import catalogue as types
from processor.eventlog.tell_changes import (
    tell_captured,
    tell_decided,
    tell_held,
    tell_refund_reserved,
    tell_refunded,
    tell_released,
    tell_reserved,
)
from processor.eventlog.tell_halves import (
    tell_held_in,
    tell_paid_in,
    tell_paid_legs_in,
    tell_part_decided,
    tell_part_reserved,
    tell_received,
    tell_settled,
)
from processor.eventlog.tell_payments import (
    tell_account_opened,
    tell_paid,
    tell_paid_legs,
    tell_paid_out,
    tell_refused,
    tell_status_changed,
)
from processor.eventlog.telling import Telling

Teller = Callable[[Telling, Any], None]

_TOLD: dict[type, tuple[Teller, tuple[str, ...]]] = {
    e.AccountOpened: (tell_account_opened, (types.ACCOUNT_OPENED,)),
    e.StatusChanged: (tell_status_changed, (types.ACCOUNT_FROZEN, types.ACCOUNT_UNFROZEN, types.ACCOUNT_CLOSED)),
    e.Paid: (tell_paid, (types.PAYMENT_SUCCEEDED,)),
    e.PaidOut: (tell_paid_out, (types.PAYMENT_SUCCEEDED,)),
    e.PaidIn: (tell_paid_in, (types.BALANCES_CHANGED,)),
    e.PaidLegs: (tell_paid_legs, (types.PAYMENT_SUCCEEDED,)),
    e.PaidLegsIn: (tell_paid_legs_in, (types.BALANCES_CHANGED,)),
    e.Refused: (tell_refused, (types.PAYMENT_REFUSED,)),
    e.Reserved: (tell_reserved, (types.PAYMENT_PENDING,)),
    e.Decided: (
        tell_decided,
        (
            types.PAYMENT_SUCCEEDED, types.PAYMENT_HELD, types.PAYMENT_CANCELLED,
            types.PAYMENT_REFUNDED, types.PAYMENT_REVERSED, types.PAYMENT_REFUND_REFUSED,
        ),
    ),
    e.RefundReserved: (tell_refund_reserved, (types.PAYMENT_REFUND_PENDING, types.BALANCES_CHANGED)),
    e.PartReserved: (tell_part_reserved, (types.BALANCES_CHANGED,)),
    e.PartDecided: (tell_part_decided, (types.BALANCES_CHANGED,)),
    e.Received: (tell_received, (types.BALANCES_CHANGED,)),
    e.Held: (tell_held, (types.PAYMENT_HELD,)),
    e.HeldIn: (tell_held_in, (types.BALANCES_CHANGED,)),
    e.Captured: (tell_captured, (types.PAYMENT_CAPTURED,)),
    e.Released: (tell_released, (types.PAYMENT_VOIDED, types.PAYMENT_EXPIRED)),
    e.Settled: (tell_settled, (types.BALANCES_CHANGED,)),
    e.Refunded: (tell_refunded, (types.PAYMENT_REFUNDED, types.PAYMENT_REVERSED)),
}  # fmt: skip
# Of the journal's other events nobody outside is told: Fence, Forgotten, PartRefused, Cleared, Recalled, Aged.

TELLERS: dict[type, Teller] = {kind: teller for kind, (teller, _) in _TOLD.items()}
"""By the type of the journal's event."""


def tellers_of(wanted: frozenset[str]) -> dict[type, Teller]:
    """Return those who may tell any of these types."""
    return {kind: teller for kind, (teller, told) in _TOLD.items() if not wanted.isdisjoint(told)}
