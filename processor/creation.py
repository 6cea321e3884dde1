"""What a payment was when it was made, as the event that made it tells."""

import msgspec

from processor.core import events as e
from processor.core.messages import Leg, Metadata
from processor.core.payment import Payment, held, immediate


class Created(msgspec.Struct, frozen=True):
    """What was asked for: it never changes. `expires_at` is None unless it is a hold."""

    legs: tuple[Leg, ...]
    reference: str | None
    metadata: Metadata | None
    expires_at: int | None = None

    @property
    def amounts(self) -> tuple[int, ...]:
        """The legs' amounts."""
        return tuple([leg.amount for leg in self.legs])

    def payment(self, at: int, sequence: int, index: int, changed: int) -> Payment:
        """Return the payment at this place as the record `changed` has made it, before anything else happened to it."""
        if self.expires_at is not None:
            return held(at, sequence, index, self.legs, self.expires_at, self.reference, self.metadata, changed)
        payment = immediate(at, sequence, index, self.legs, self.reference, self.metadata)
        payment.changed = changed
        return payment


def created_by(event: e.AnyEvent | None) -> Created | None:
    """Return what the event makes; None if it makes no payment. What is only `Reserved` has still to be decided."""
    match event:
        case e.Paid() | e.PaidOut():
            leg = Leg(event.from_account, event.to_account, event.amount, event.currency)
            return Created((leg,), event.reference, event.metadata)
        case e.PaidLegs():
            return Created(event.legs, event.reference, event.metadata)
        case e.Held() | e.Reserved():
            return Created(event.legs, event.reference, event.metadata, event.expires_at)
    return None
