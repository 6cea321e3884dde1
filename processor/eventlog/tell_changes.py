"""What a payment's home tells of payments that take their time: those between hosts, holds, and what is done to payments later."""

from processor.core import events as e
from processor.core.ids import payment_id
from processor.core.messages import Kind
from processor.core.results import Result
from processor.creation import created_by
from processor.eventlog import catalogue as types
from processor.eventlog.standing import standing
from processor.eventlog.telling import Telling

_REFUNDS = {Kind.REFUND: types.PAYMENT_REFUNDED, Kind.REVERSAL: types.PAYMENT_REVERSED}


def tell_reserved(telling: Telling, event: e.Reserved) -> None:
    created = created_by(event)
    assert created is not None
    kind = Kind.PAYMENT if event.expires_at is None else Kind.HOLD
    stands = standing(event.balances, (), event.holds, event.legs)
    telling.payment(types.PAYMENT_PENDING, kind, created, telling.here(), "pending", created.amounts, stands)


def tell_decided(telling: Telling, event: e.Decided) -> None:
    if event.about is not None:
        _refund_decided(telling, event, event.about)
        return
    created = telling.created(event.sequence, event.index)
    place = (event.at, telling.shard, event.sequence, event.index)
    is_hold = created.expires_at is not None
    kind = Kind.HOLD if is_hold else Kind.PAYMENT
    amounts = created.amounts
    stands = standing(event.balances, event.entries)
    if event.result != Result.ACCEPTED:
        code = Result(event.result).code
        telling.payment(types.PAYMENT_CANCELLED, kind, created, place, "refused", amounts, stands, code=code)
    elif is_hold:
        telling.payment(types.PAYMENT_HELD, kind, created, place, "held", amounts, stands)
    else:
        telling.payment(types.PAYMENT_SUCCEEDED, kind, created, place, "succeeded", amounts, stands)


def _refund_decided(telling: Telling, event: e.Decided, about: tuple[int, int, int]) -> None:
    at, sequence, index = about
    reserved = telling.origins[telling.shard, event.sequence, event.index]
    held, captured, refunded, status = event.held, event.captured, event.refunded, event.status
    assert isinstance(reserved, e.RefundReserved), "the decision about a refund names where it was reserved"
    assert held is not None and captured is not None and refunded is not None and status is not None
    is_done = event.result == Result.ACCEPTED
    telling.payment(
        _REFUNDS[reserved.kind] if is_done else types.PAYMENT_REFUND_REFUSED, reserved.kind, telling.created(sequence, index),
        (at, telling.shard, sequence, index), status, reserved.amounts, standing(event.balances, event.entries),
        (held, captured, refunded), reserved.reason, None if is_done else Result(event.result).code,
    )  # fmt: skip


def tell_refund_reserved(telling: Telling, event: e.RefundReserved) -> None:
    stands = standing(event.balances, (), event.holds, event.legs)
    place, held, captured, refunded = telling.place_of(event), event.held, event.captured, event.refunded
    if event.status is None or held is None or captured is None or refunded is None:
        # Written before it was recorded how the payment stands meanwhile: so only the accounts are told.
        telling.balances(event.kind, payment_id(*place), stands)
        return
    telling.payment(
        types.PAYMENT_REFUND_PENDING, event.kind, telling.created(event.sequence, event.index), place, event.status,
        event.amounts, stands, (held, captured, refunded), event.reason,
    )  # fmt: skip


def tell_held(telling: Telling, event: e.Held) -> None:
    created = created_by(event)
    assert created is not None
    stands = standing(event.balances, (), event.holds, event.legs)
    telling.payment(types.PAYMENT_HELD, Kind.HOLD, created, telling.here(), "held", created.amounts, stands)


def tell_captured(telling: Telling, event: e.Captured) -> None:
    created = telling.created(event.sequence, event.index)
    stands = standing(event.balances, event.entries, event.holds, created.legs)
    telling.payment(
        types.PAYMENT_CAPTURED, Kind.CAPTURE, created, telling.place_of(event), event.status, event.amounts, stands,
        (event.held, event.captured, event.refunded),
    )  # fmt: skip


def tell_released(telling: Telling, event: e.Released) -> None:
    created = telling.created(event.sequence, event.index)
    stands = standing(event.balances, (), event.holds, created.legs)
    nothing = (0,) * len(created.legs)
    telling.payment(
        types.PAYMENT_EXPIRED if event.kind == Kind.EXPIRY else types.PAYMENT_VOIDED, event.kind, created,
        telling.place_of(event), event.status, event.released, stands, (nothing, event.captured, event.refunded),
    )  # fmt: skip


def tell_refunded(telling: Telling, event: e.Refunded) -> None:
    telling.payment(
        _REFUNDS[event.kind], event.kind, telling.created(event.sequence, event.index), telling.place_of(event), event.status,
        event.amounts, standing(event.balances, event.entries), (event.held, event.captured, event.refunded), event.reason,
    )  # fmt: skip
