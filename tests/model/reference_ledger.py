"""A ledger that is obviously right: dicts, no shards, no messages, one payment after another. The judge of the real one.

It shares no code with processor.core: only the names of results and the shape of a leg.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from processor.core.messages import Condition, Leg, Metadata, Status
from processor.core.results import Result
from tests.model.payments import ACCEPTED, Payment, Place, Verdict, only, undone, where_of_undone

LARGEST = 2**63 - 1


@dataclass
class Account:
    """An account's rules and balances in minor units. `held_out` and `held_in` are reserved by payments that are not decided yet."""

    currency: str
    min_balance: int | None
    max_balance: int | None
    metadata: Metadata | None = None
    status: Status = "open"
    posted: int = 0
    held_out: int = 0
    held_in: int = 0


@dataclass(frozen=True)
class Side:
    """One side of one leg: `amount` is negative where money leaves."""

    where: int
    account: str
    other: str
    amount: int
    currency: str


def sides_of(legs: Sequence[Leg]) -> Iterator[Side]:
    """Yield both sides of every leg in the order in which they are judged and take effect. Legs of nothing have none."""
    for index, leg in enumerate(legs):
        if leg.amount == 0:
            continue
        yield Side(2 * index, leg.from_account, leg.to_account, -leg.amount, leg.currency)
        yield Side(2 * index + 1, leg.to_account, leg.from_account, leg.amount, leg.currency)


def everything(account: str) -> bool:
    """Any account: the default of what a judgement looks at."""
    return True


@dataclass
class ReferenceLedger:
    """Accounts by id, accepted payments by place, and the outcome of each idempotency key with the fingerprint of its first use.

    `touched`: the accounts on which something was posted, reserved or released since whoever looks at it has cleared it.
    """

    accounts: dict[str, Account] = field(default_factory=dict)
    payments: dict[Place, Payment] = field(default_factory=dict)
    outcomes: dict[bytes, tuple[bytes, Verdict]] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)

    def open_account(
        self, account: str, currency: str, min_balance: int | None, max_balance: int | None, metadata: Metadata | None
    ) -> tuple[Result, bool]:
        """Open an account; return the result, and whether it is new."""
        known = self.accounts.get(account)
        if known is None:
            self.accounts[account] = Account(currency, min_balance, max_balance, metadata)
            return Result.ACCEPTED, True
        asked = (currency, min_balance, max_balance, metadata or None)
        is_same = asked == (known.currency, known.min_balance, known.max_balance, known.metadata or None)
        return (Result.ACCEPTED if is_same else Result.ACCOUNT_EXISTS), False

    def set_status(self, account: str, status: Status) -> Result:
        """Freeze, unfreeze or close an account."""
        known = self.accounts.get(account)
        if known is None:
            return Result.ACCOUNT_NOT_FOUND
        if known.status == status:
            return Result.ACCEPTED
        if known.status == "closed":
            return Result.ACCOUNT_CLOSED
        if status == "closed" and (known.posted or known.held_out or known.held_in):
            return Result.ACCOUNT_NOT_EMPTY
        known.status = status
        return Result.ACCEPTED

    # What clients ask of a ledger that has everything in one place. Each returns the verdict, and whether it is an old one.

    def pay(
        self, key: bytes, fingerprint: bytes, legs: Sequence[Leg], place: Place, conditions: Sequence[Condition] | None = None
    ) -> tuple[Verdict, bool]:
        """Make a payment, all legs or none; `place` names it from then on."""

        def decide() -> Verdict:
            verdict = self.judge(legs, conditions=conditions)
            if verdict == ACCEPTED:
                self.post(legs)
                self.payments[place] = Payment.made(legs)
            return verdict

        return self._once(key, fingerprint, decide)

    def hold(
        self,
        key: bytes,
        fingerprint: bytes,
        legs: Sequence[Leg],
        place: Place,
        expires_at: int,
        conditions: Sequence[Condition] | None = None,
    ) -> tuple[Verdict, bool]:
        """Reserve money, for all legs or none."""

        def decide() -> Verdict:
            verdict = self.judge_hold(legs, conditions=conditions)
            if verdict == ACCEPTED:
                self.payments[place] = Payment.reserved(legs, expires_at)
                self.reserve(legs)
            return verdict

        return self._once(key, fingerprint, decide)

    def capture(
        self, key: bytes, fingerprint: bytes, place: Place, amounts: Sequence[int] | None, is_final: bool, at: int
    ) -> tuple[Verdict, bool]:
        """Post some of what is held."""

        def decide() -> Verdict:
            payment = self.payments.get(place)
            if payment is None:
                return Result.PAYMENT_NOT_FOUND, 0
            verdict = payment.capture_problem(amounts, at)
            if verdict == ACCEPTED:
                taken = payment.amounts("held") if amounts is None else amounts
                self.reserve(only(payment.legs, payment.capture(taken, is_final)), sign=-1)
                self.post(only(payment.legs, taken))
            return verdict

        return self._once(key, fingerprint, decide)

    def void(self, key: bytes, fingerprint: bytes, place: Place, at: int) -> tuple[Verdict, bool]:
        """Give up what is held."""

        def decide() -> Verdict:
            payment = self.payments.get(place)
            if payment is None:
                return Result.PAYMENT_NOT_FOUND, 0
            if payment.is_over(at):
                return Result.PAYMENT_NOT_HELD, 0
            self.reserve(only(payment.legs, payment.release(by_time=False)), sign=-1)
            return ACCEPTED

        return self._once(key, fingerprint, decide)

    def refund(
        self, key: bytes, fingerprint: bytes, place: Place, amounts: Sequence[int] | None, is_reversal: bool
    ) -> tuple[Verdict, bool]:
        """Give back some of what was captured."""

        def decide() -> Verdict:
            payment = self.payments.get(place)
            if payment is None:
                return Result.PAYMENT_NOT_FOUND, 0
            verdict = payment.refund_problem(amounts)
            if verdict != ACCEPTED:
                return verdict
            back = payment.refundable if amounts is None else amounts
            verdict = self.judge_refund(payment, back, is_reversal)
            if verdict == ACCEPTED:
                self.post(undone(payment.legs, back))
                payment.refund(back)
            return verdict

        return self._once(key, fingerprint, decide)

    def expire(self, at: int) -> list[Place]:
        """Give up every hold whose time has come; return which."""
        over = [place for place, payment in self.payments.items() if payment.is_held and payment.is_over(at)]
        for place in over:
            payment = self.payments[place]
            self.reserve(only(payment.legs, payment.release(by_time=True)), sign=-1)
        return over

    def _once(self, key: bytes, fingerprint: bytes, decide: Callable[[], Verdict]) -> tuple[Verdict, bool]:
        if key in self.outcomes:
            first, verdict = self.outcomes[key]
            return (verdict, True) if first == fingerprint else ((Result.IDEMPOTENCY_KEY_REUSED, 0), False)
        verdict = decide()
        if verdict[0] not in (Result.PAYMENT_NOT_FOUND, Result.LEGS_DIFFER):
            self.outcomes[key] = (fingerprint, verdict)
        return verdict, False

    # Rules.

    def judge(
        self,
        legs: Sequence[Leg],
        is_ours: Callable[[str], bool] = everything,
        conditions: Sequence[Condition] | None = None,
        although_frozen: bool = False,
    ) -> Verdict:
        """Return the first rule that the legs, one after another, break on the accounts we look at."""
        moved: dict[str, int] = {}
        for side in sides_of(legs):
            if is_ours(side.account):
                result = self._problem(side, moved.get(side.account, 0), although_frozen)
                if result is not Result.ACCEPTED:
                    return result, side.where
                moved[side.account] = moved.get(side.account, 0) + side.amount
        return self._judge_conditions(conditions or (), is_ours)

    def judge_hold(
        self, legs: Sequence[Leg], is_ours: Callable[[str], bool] = everything, conditions: Sequence[Condition] | None = None
    ) -> Verdict:
        """Return the first rule that reserving all legs side by side breaks: what one brings, another cannot use."""
        moved: dict[tuple[str, bool], int] = {}
        for side in sides_of(legs):
            if is_ours(side.account):
                direction = (side.account, side.amount < 0)
                result = self._problem(side, moved.get(direction, 0), False)
                if result is not Result.ACCEPTED:
                    return result, side.where
                moved[direction] = moved.get(direction, 0) + side.amount
        return self._judge_conditions(conditions or (), is_ours)

    def judge_refund(
        self, payment: Payment, amounts: Sequence[int], is_reversal: bool, is_ours: Callable[[str], bool] = everything
    ) -> Verdict:
        """Return the first rule of the accounts we look at that giving this much back breaks."""
        result, where = self.judge(undone(payment.legs, amounts), is_ours, None, is_reversal)
        return (result, where_of_undone(where, len(payment.legs))) if result is not Result.ACCEPTED else ACCEPTED

    def _judge_conditions(self, conditions: Sequence[Condition], is_ours: Callable[[str], bool]) -> Verdict:
        for position, condition in enumerate(conditions):
            if is_ours(condition.account) and not self._is_met(condition):
                return Result.BALANCE_CONDITION_FAILED, position
        return ACCEPTED

    def _is_met(self, condition: Condition) -> bool:
        account = self.accounts.get(condition.account)
        if account is None:
            return False
        balances = {
            "posted": account.posted,
            "pending_in": account.held_in,
            "pending_out": account.held_out,
            "available": account.posted - account.held_out,
        }
        difference = balances[condition.balance] - condition.value
        return {
            "gte": difference >= 0, "gt": difference > 0, "lte": difference <= 0, "lt": difference < 0, "eq": difference == 0,
        }[condition.comparison]  # fmt: skip

    def _problem(self, side: Side, moved: int, although_frozen: bool) -> Result:
        account = self.accounts.get(side.account)
        if account is None:
            return Result.ACCOUNT_NOT_FOUND
        after = account.posted + moved + side.amount
        available = after - account.held_out
        expected = after + account.held_in
        is_debit = side.amount < 0
        ceiling = LARGEST if account.max_balance is None else account.max_balance
        rules = (
            (account.status == "closed", Result.ACCOUNT_CLOSED),
            (account.status == "frozen" and not although_frozen, Result.ACCOUNT_FROZEN),
            (account.currency != side.currency, Result.CURRENCY_MISMATCH),
            (side.account == side.other, Result.SAME_ACCOUNT),
            (is_debit and account.min_balance is not None and available < account.min_balance, Result.INSUFFICIENT_FUNDS),
            (is_debit and account.min_balance is None and available < -LARGEST, Result.LIMIT_EXCEEDED),
            (not is_debit and expected > ceiling, Result.LIMIT_EXCEEDED),
        )
        return next((result for is_broken, result in rules if is_broken), Result.ACCEPTED)

    # Effects.

    def post(self, legs: Sequence[Leg], is_ours: Callable[[str], bool] = everything) -> list[tuple[Side, int]]:
        """Let the legs take effect on the accounts we look at; return each side with its account's balance after it."""
        posted = []
        for side in sides_of(legs):
            if is_ours(side.account):
                account = self.accounts[side.account]
                account.posted += side.amount
                self.touched.add(side.account)
                posted.append((side, account.posted))
        return posted

    def reserve(self, legs: Sequence[Leg], is_ours: Callable[[str], bool] = everything, sign: int = 1) -> None:
        """Reserve (`sign` -1: release) the amount of each leg on the accounts we look at."""
        for side in sides_of(legs):
            if is_ours(side.account):
                account = self.accounts[side.account]
                self.touched.add(side.account)
                if side.amount < 0:
                    account.held_out -= sign * side.amount
                else:
                    account.held_in += sign * side.amount

    def reserve_at_worst(self, legs: Sequence[Leg], is_ours: Callable[[str], bool], sign: int = 1) -> None:
        """Reserve (`sign` -1: release) what the legs, one after another, need at worst on the accounts we look at."""
        moved: dict[str, list[int]] = {}
        for side in sides_of(legs):
            if is_ours(side.account):
                steps = moved.setdefault(side.account, [0])
                steps.append(steps[-1] + side.amount)
        self.touched |= moved.keys()
        for name, steps in moved.items():
            self.accounts[name].held_out += sign * -min(steps)
            self.accounts[name].held_in += sign * max(steps)

    def totals(self) -> dict[str, int]:
        """Return the sum of all posted balances per currency. Each is zero, or the model itself is wrong."""
        sums: dict[str, int] = {}
        for account in self.accounts.values():
            sums[account.currency] = sums.get(account.currency, 0) + account.posted
        return sums
