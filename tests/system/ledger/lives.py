"""Payments with a whole life: made or held, captured in parts, voided, expired, refunded; and what each must have come to."""

from random import Random
from typing import Any

import msgspec

from tests.system.ledger.payments import Leg

Amounts = tuple[int, ...]
SHORT_SECONDS = 1
_LEGS_MAX = 3
_AMOUNT_MAX = 90
_STEPS_MAX = 4
_VERBS = ("capture", "capture", "void", "refunds", "refunds", "reversal")


class Request(msgspec.Struct, frozen=True):
    """A request that may be sent again: its idempotency key makes it the same."""

    path: str
    key: str
    body: bytes


class Life:
    """One payment as its clients know it: from what they asked and what was accepted, not from what the ledger says it is.

    Amounts are for each leg. `ends_by_itself`: it is a hold that expires soon, whatever its clients do.
    """

    def __init__(self, key: str, legs: tuple[Leg, ...], expires_in_seconds: int | None, is_hold: bool) -> None:
        self.key = key
        self.legs = legs
        self.ends_by_itself = expires_in_seconds is not None
        self.is_hold = is_hold
        self.payment_id = ""
        self.steps = 0
        nothing, everything = (0,) * len(legs), tuple(leg.amount for leg in legs)
        self.held, self.captured = (everything, nothing) if is_hold else (nothing, everything)
        self.refunded = nothing
        self._expires = {"expires_in_seconds": expires_in_seconds} if expires_in_seconds is not None else {}

    def creation(self) -> Request:
        """Return the request that makes it."""
        body = {"legs": self.legs} | ({"mode": "hold"} if self.is_hold else {}) | self._expires
        return Request("/v1/payments", self.key, msgspec.json.encode(body))

    def next_step(self, random: Random) -> "Step":
        """Return something to do to it, whether it makes sense or not."""
        self.steps += 1
        verb = random.choice(_VERBS)
        amounts = None
        if verb in ("capture", "refunds") and random.random() < 0.7:
            amounts = tuple(random.randint(1, leg.amount) for leg in self.legs)
        return Step(self, f"{self.key}-{self.steps}", verb, amounts, is_final=random.random() < 0.4)

    @property
    def left(self) -> Amounts:
        """What was captured and not refunded."""
        return tuple(captured - refunded for captured, refunded in zip(self.captured, self.refunded, strict=True))


class Step:
    """A capture, void, refund or reversal: its request, and what it does to the life if it is accepted."""

    def __init__(self, life: Life, key: str, verb: str, amounts: Amounts | None, is_final: bool) -> None:
        self.life = life
        self.verb = verb
        self._amounts = amounts
        self._is_final = is_final
        body: dict[str, object] = {} if verb != "reversal" else {"reason": "a mistake"}
        if amounts is not None:
            body |= {"amount": amounts[0]} if len(amounts) == 1 else {"legs": amounts}
        if verb == "capture":
            body["final"] = is_final
        self.request = Request(f"/v1/payments/{life.payment_id}/{verb}", key, msgspec.json.encode(body))

    def settle(self, status: int, body: dict[str, Any]) -> str | None:
        """Apply an answer to the life; return the operation's id, or None if it was refused. Asserts that it was right so."""
        life = self.life
        if status not in (200, 201):
            self._check_refusal(str(body["code"]))
            return None
        if self.verb == "capture":
            amounts = self._amounts or life.held
            life.captured = _plus(life.captured, amounts)
            life.held = (0,) * len(life.held) if self._is_final else _minus(life.held, amounts)
        elif self.verb == "void":
            assert any(life.held), "voided though nothing was held"
            life.held = (0,) * len(life.held)
        else:
            life.refunded = _plus(life.refunded, self._amounts or life.left)
        if life.ends_by_itself and body["held"] == 0:
            life.held = (0,) * len(life.held)
        assert min(*life.held, *life.left, 0) == 0, f"more than there was: {life.payment_id}, {body}"
        found = (body["held"], body["captured"], body["refunded"])
        assert found == (sum(life.held), sum(life.captured), sum(life.refunded)), (life.payment_id, found)
        return str(body["operation"]["id"])

    def _check_refusal(self, code: str) -> None:
        life, amounts = self.life, self._amounts
        match code:
            case "payment_not_held":
                assert life.ends_by_itself or not any(life.held), f"{life.payment_id} is held"
                life.held = (0,) * len(life.held)
            case "amount_exceeds_held":
                assert amounts is not None
                assert min(_minus(life.held, amounts)) < 0
            case "amount_exceeds_captured":
                assert min(_minus(life.left, amounts)) < 0 if amounts is not None else not any(life.left)
            case "insufficient_funds":
                assert self.verb in ("refunds", "reversal")
            case _:
                raise AssertionError(f"{life.payment_id}: {self.verb} was refused with {code}")


class LifeSupply:
    """New lives between random accounts: payments at once, holds, and holds that expire soon."""

    def __init__(self, run: str, accounts: list[str], random: Random) -> None:
        self._run = run
        self._accounts = accounts
        self.random = random
        self._made = 0

    def next(self) -> Life:
        """Return a life that was not returned before."""
        self._made += 1
        legs = tuple(self._leg() for _ in range(self.random.choice((1, 1, 1, _LEGS_MAX))))
        kind = self.random.random()
        expires_in_seconds = SHORT_SECONDS if kind < 0.4 else None
        return Life(f"{self._run}-life-{self._made}", legs, expires_in_seconds, kind < 0.75)

    def steps(self) -> int:
        """Return how much is to be done to the next life; some holds are left to themselves."""
        return self.random.randint(0, _STEPS_MAX)

    def _leg(self) -> Leg:
        from_account, to = self.random.sample(self._accounts, 2)
        return Leg(from_account, to, self.random.randint(1, _AMOUNT_MAX))


def _plus(left: Amounts, right: Amounts) -> Amounts:
    return tuple(a + b for a, b in zip(left, right, strict=True))


def _minus(left: Amounts, right: Amounts) -> Amounts:
    return tuple(a - b for a, b in zip(left, right, strict=True))
