"""What the reference ledger knows of one payment: how much of each leg is held, captured and given back, and what may follow.

Like the rest of the model it shares no code with processor.core: only names of results and shapes of plain data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from processor.core.messages import Leg, Metadata, PaymentStatus
from processor.core.results import Result

Verdict = tuple[Result, int]
"""The result, and what it is about: twice the leg's index, plus one for its `to` side (0 when nothing is wrong)."""

Place = tuple[int, int, int, int]
"""(home shard, time, sequence, index) of the event that made a payment."""

ACCEPTED: Verdict = (Result.ACCEPTED, 0)


@dataclass
class LegState:
    """Where the money of one leg is; what was released is nowhere."""

    leg: Leg
    held: int = 0
    captured: int = 0
    refunded: int = 0
    refunding: int = 0


@dataclass
class Payment:
    """A payment that was accepted. `expires_at` is None if it never was a hold; `ended_by_time`: what was still held expired."""

    states: list[LegState]
    expires_at: int | None = None
    ended_by_time: bool = False
    reference: str | None = None
    metadata: Metadata | None = None
    ended_by: list[str] = field(default_factory=list)
    """What took the last of the held money: at most one of `capture`, `void`, `expiry`."""

    @classmethod
    def made(cls, legs: Sequence[Leg], reference: str | None = None, metadata: Metadata | None = None) -> "Payment":
        """Return a payment that was made at once."""
        return cls([LegState(leg, captured=leg.amount) for leg in legs], None, False, reference, metadata)

    @classmethod
    def reserved(
        cls, legs: Sequence[Leg], expires_at: int, reference: str | None = None, metadata: Metadata | None = None
    ) -> "Payment":
        """Return a hold."""
        return cls([LegState(leg, held=leg.amount) for leg in legs], expires_at, False, reference, metadata)

    @property
    def legs(self) -> tuple[Leg, ...]:
        """Its legs as they were asked for."""
        return tuple(state.leg for state in self.states)

    def amounts(self, name: str) -> tuple[int, ...]:
        """Return `held`, `captured`, `refunded` or `refunding` for each leg."""
        return tuple(getattr(state, name) for state in self.states)

    @property
    def refundable(self) -> tuple[int, ...]:
        """What may still be given back of each leg."""
        return tuple(state.captured - state.refunded - state.refunding for state in self.states)

    @property
    def is_held(self) -> bool:
        """Whether any of it waits for a capture."""
        return sum(self.amounts("held")) > 0

    @property
    def is_open(self) -> bool:
        """Whether anything of it is held, or on its way back."""
        return self.is_held or sum(self.amounts("refunding")) > 0

    @property
    def status(self) -> PaymentStatus:
        """Its state in the words of the HTTP contract."""
        captured, refunded = sum(self.amounts("captured")), sum(self.amounts("refunded"))
        if self.is_held:
            return "held"
        if captured == 0:
            return "expired" if self.ended_by_time else "voided"
        if refunded == captured:
            return "refunded"
        return "partially_refunded" if refunded else "succeeded"

    def is_over(self, at: int) -> bool:
        """Whether nothing of it can be captured any more at this time."""
        return not self.is_held or (self.expires_at is not None and at >= self.expires_at)

    def capture_problem(self, amounts: Sequence[int] | None, at: int) -> Verdict:
        """Return the first rule that a capture at this time breaks."""
        if amounts is not None and len(amounts) != len(self.states):
            return Result.LEGS_DIFFER, 0
        if self.is_over(at):
            return Result.PAYMENT_NOT_HELD, 0
        for index, (state, amount) in enumerate(zip(self.states, amounts or (), strict=False)):
            if amount > state.held:
                return Result.AMOUNT_EXCEEDS_HELD, 2 * index
        return ACCEPTED

    def refund_problem(self, amounts: Sequence[int] | None) -> Verdict:
        """Return the first rule that giving this much back breaks, the accounts' own aside."""
        left = self.refundable
        if amounts is not None and len(amounts) != len(left):
            return Result.LEGS_DIFFER, 0
        for index, (most, amount) in enumerate(zip(left, amounts or (), strict=False)):
            if amount > most:
                return Result.AMOUNT_EXCEEDS_CAPTURED, 2 * index
        return ACCEPTED if sum(left if amounts is None else amounts) else (Result.AMOUNT_EXCEEDS_CAPTURED, 0)

    def capture(self, amounts: Sequence[int], is_final: bool) -> tuple[int, ...]:
        """Take amounts out of what is held; return how much of each leg is held no longer."""
        released = self.amounts("held") if is_final else tuple(amounts)
        for state, amount, gone in zip(self.states, amounts, released, strict=True):
            state.captured += amount
            state.held -= gone
        if not self.is_held:
            self.ended_by.append("capture")
        return released

    def release(self, by_time: bool) -> tuple[int, ...]:
        """Give up everything that is held; return how much of each leg that was."""
        released = self.amounts("held")
        for state in self.states:
            state.held = 0
        self.ended_by_time = by_time
        self.ended_by.append("expiry" if by_time else "void")
        return released

    def refund(self, amounts: Sequence[int]) -> None:
        """Note what was given back."""
        for state, amount in zip(self.states, amounts, strict=True):
            state.refunded += amount

    def send_back(self, amounts: Sequence[int], sign: int = 1) -> None:
        """Note what is on its way back (`sign` -1: is not any more)."""
        for state, amount in zip(self.states, amounts, strict=True):
            state.refunding += sign * amount

    def problem(self) -> str:
        """Return what cannot be true of any payment, or nothing."""
        for state in self.states:
            parts = (state.held, state.captured, state.refunded, state.refunding)
            if min(parts) < 0 or state.held + state.captured > state.leg.amount:
                return f"more is held and captured than was asked for: {state}"
            if state.refunded + state.refunding > state.captured:
                return f"more is given back than was captured: {state}"
        return f"it ended {len(self.ended_by)} times: {self.ended_by}" if len(self.ended_by) > 1 else ""


def only(legs: Sequence[Leg], amounts: Sequence[int]) -> tuple[Leg, ...]:
    """Return the legs with these amounts."""
    return tuple(Leg(leg.from_account, leg.to_account, amount, leg.currency) for leg, amount in zip(legs, amounts, strict=True))


def undone(legs: Sequence[Leg], amounts: Sequence[int]) -> tuple[Leg, ...]:
    """Return the legs that give these amounts back: each turned round, in reverse order."""
    turned = [Leg(leg.to_account, leg.from_account, amount, leg.currency) for leg, amount in zip(legs, amounts, strict=True)]
    return tuple(turned[::-1])


def where_of_undone(where: int, legs: int) -> int:
    """Return which side of which of the payment's legs a side of the undoing legs is."""
    index, side = divmod(where, 2)
    return 2 * (legs - 1 - index) + (0 if side else 1)
