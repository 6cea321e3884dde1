"""The demo's own books: what the API answered, added up without looking at the ledger."""

from collections import Counter

import msgspec

from processor.client.outcome import Outcome
from processor.demo.plan import Payment, Step

EXPECTED_REFUSAL = "insufficient_funds"


class Fate(msgspec.Struct, frozen=True, gc=False):
    """What became of a payment: the status, the refusal's code (empty: accepted), the payment's id."""

    status: int
    code: str
    payment_id: str | None


def fate_of(outcome: Outcome) -> Fate:
    """Return the part of an outcome that must never change."""
    return Fate(outcome.status, outcome.problem.code if outcome.problem else "", outcome.payment_id)


class Books:
    """Every payment's fate, and the balances and numbers of entries that follow from what was accepted."""

    def __init__(self) -> None:
        self.balances: Counter[str] = Counter()
        self.entries: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.accepted = 0
        self.holds = 0
        self.steps: Counter[str] = Counter()
        self.differences: list[str] = []
        self._fates: dict[str, Fate] = {}
        self._ids: set[str] = set()

    def settle(self, payment: Payment, fate: Fate) -> None:
        """Write down an answer. The first answer to a key counts; a later one that differs is a difference."""
        first = self._fates.setdefault(payment.key, fate)
        if first is not fate:
            if first != fate:
                self.differences.append(f"{payment.key} was first answered with {first}, then with {fate}")
            return
        if fate.status != 201:
            self.refusals[fate.code] += 1
            self._check_refusal(payment, fate)
        elif fate.payment_id is None or fate.payment_id in self._ids:
            self.differences.append(f"{payment.key} was accepted as {fate.payment_id}, which is no id of its own")
        else:
            self._accept(payment, fate.payment_id)

    def settle_hold(self, payment: Payment, fate: Fate) -> bool:
        """Write down the answer to a hold; return whether the money is reserved now."""
        if fate.status != 201 or fate.payment_id is None:
            self._check_refusal(payment, fate)
            return False
        self.holds += 1
        return True

    def settle_step(self, payment: Payment, step: Step, fate: Fate) -> None:
        """Write down the answer to what was done to a held payment. For a refund the money may be lacking."""
        if fate.status not in (200, 201):
            if step.moved >= 0:
                self.differences.append(f"{payment.key}: {step.verb} was refused: {fate.status} {fate.code}")
            else:
                self._check_refusal(payment, fate)
            return
        self.steps[step.verb] += 1
        if step.moved:
            self._move(payment, step.moved)

    def fate(self, payment: Payment) -> Fate | None:
        """Return what became of the payment; None if there was no answer."""
        return self._fates.get(payment.key)

    def _accept(self, payment: Payment, payment_id: str) -> None:
        self._ids.add(payment_id)
        self.accepted += 1
        self._move(payment, payment.amount)

    def _move(self, payment: Payment, amount: int) -> None:
        self.balances[payment.from_account] -= amount
        self.balances[payment.to] += amount
        self.entries[payment.from_account] += 1
        self.entries[payment.to] += 1

    def _check_refusal(self, payment: Payment, fate: Fate) -> None:
        if fate.status != 422 or fate.code != EXPECTED_REFUSAL:
            self.differences.append(f"{payment.key} was refused for no good reason: {fate.status} {fate.code}")
