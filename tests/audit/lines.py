"""What messages ask for and what events say, in the words of the reference ledger: legs, and lines on accounts."""

from processor.core import events as e
from processor.core import messages as m
from processor.core.messages import Leg

Line = tuple[str, int, int]
"""(account, signed amount, balance after)"""


def legs_of(message: m.Pay | m.PayLegs | m.Hold) -> tuple[Leg, ...]:
    """Return the legs that a client asked for."""
    if isinstance(message, m.Pay):
        return (Leg(message.from_account, message.to_account, message.amount, message.currency),)
    return message.legs


def one_leg(event: e.Paid | e.PaidOut) -> Leg:
    """Return the leg that the event is about."""
    return Leg(event.from_account, event.to_account, event.amount, event.currency)


def lines_of(event: e.AnyEvent) -> list[Line]:
    """Return what the event says that it does: (account, signed amount, balance after)."""
    match event:
        case e.Paid():
            source = (event.from_account, -event.amount, event.from_posted)
            return [source, (event.to_account, event.amount, event.to_posted)]
        case e.PaidOut():
            return [(event.from_account, -event.amount, event.from_posted)]
        case e.PaidIn():
            return [(event.to_account, event.amount, event.to_posted)]
        case e.PaidLegs() | e.PaidLegsIn() | e.Decided() | e.PartDecided() | e.Captured() | e.Settled() | e.Refunded():
            return [(entry.account, entry.amount, entry.posted) for entry in event.entries]
        case e.Received():
            return [(event.entry.account, event.entry.amount, event.entry.posted)]
    return []
