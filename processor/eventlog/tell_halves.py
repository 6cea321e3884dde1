"""What other shards than the payment's home tell: how their accounts have changed."""

from processor.core import events as e
from processor.core.ids import payment_id, record_prefix, suffix
from processor.core.messages import Kind
from processor.eventlog import catalogue as types
from processor.eventlog.event import AboutBalances, EntryData
from processor.eventlog.standing import one, standing
from processor.eventlog.telling import Telling


def tell_paid_in(telling: Telling, event: e.PaidIn) -> None:
    target, currency, posted, pending = event.to_account, event.currency, event.to_posted, event.pending
    pending_out, pending_in = pending or ((0, 0) if pending is not None else (None, None))
    identity = record_prefix(telling.at, event.home, event.home_sequence) + suffix(event.home_index)
    data = AboutBalances(
        "payment",
        identity,
        (EntryData(target, "credit", event.amount, currency, posted),),
        (one(target, currency, posted, pending_out, pending_in),),
    )
    telling.add(types.BALANCES_CHANGED, identity, (target,), data)


def tell_paid_legs_in(telling: Telling, event: e.PaidLegsIn) -> None:
    identity = payment_id(telling.at, event.home, event.home_sequence, event.home_index)
    telling.balances(Kind.PAYMENT, identity, standing(event.balances, event.entries))


def tell_held_in(telling: Telling, event: e.HeldIn) -> None:
    legs = telling.legs(event.balances, (event.home, event.home_sequence, event.home_index))
    identity = payment_id(telling.at, event.home, event.home_sequence, event.home_index)
    telling.balances(Kind.HOLD, identity, standing(event.balances, (), event.holds, legs))


def tell_part_reserved(telling: Telling, event: e.PartReserved) -> None:
    telling.balances(event.kind, _elsewhere(event), standing(event.balances, (), event.holds, event.legs))


def tell_part_decided(telling: Telling, event: e.PartDecided) -> None:
    telling.balances(event.kind, _elsewhere(event), standing(event.balances, event.entries))


def tell_received(telling: Telling, event: e.Received) -> None:
    telling.balances(event.kind, _elsewhere(event), standing(event.balances, (event.entry,)))


def tell_settled(telling: Telling, event: e.Settled) -> None:
    legs = telling.legs(event.balances, (event.home, event.sequence, event.index))
    telling.balances(event.kind, _elsewhere(event), standing(event.balances, event.entries, event.holds, legs))


def _elsewhere(event: e.PartReserved | e.PartDecided | e.Received | e.Settled) -> str:
    """Return the id of the other shard's payment."""
    return payment_id(event.at, event.home, event.sequence, event.index)
