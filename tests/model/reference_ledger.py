"""A ledger that is obviously right: dicts, no shards, no messages, one payment after another. The judge of the real one.

It shares no code with processor.core: only the names of results and the shape of a leg.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from processor.core.messages import Leg, Metadata, Status
from processor.core.results import Result

LARGEST = 2**63 - 1

Verdict = tuple[Result, int]
"""The result, and what it is about: twice the leg's index, plus one for its `to` side (0 when nothing is wrong)."""


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
    """Yield both sides of every leg in the order in which they are judged and take effect."""
    for index, leg in enumerate(legs):
        yield Side(2 * index, leg.from_account, leg.to_account, -leg.amount, leg.currency)
        yield Side(2 * index + 1, leg.to_account, leg.from_account, leg.amount, leg.currency)


def everything(account: str) -> bool:
    """Any account: the default of what a judgement looks at."""
    return True


@dataclass
class ReferenceLedger:
    """Accounts by id, and the outcome of each idempotency key with the fingerprint it was first used with."""

    accounts: dict[str, Account] = field(default_factory=dict)
    outcomes: dict[bytes, tuple[bytes, Verdict]] = field(default_factory=dict)

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

    def pay(self, key: bytes, fingerprint: bytes, legs: Sequence[Leg]) -> tuple[Verdict, bool]:
        """Make a payment, all legs or none; return the verdict, and whether it is the answer of an earlier one."""
        if key in self.outcomes:
            first, verdict = self.outcomes[key]
            return (verdict, True) if first == fingerprint else ((Result.IDEMPOTENCY_KEY_REUSED, 0), False)
        verdict = self.judge(legs)
        if verdict[0] is Result.ACCEPTED:
            self.post(legs)
        self.outcomes[key] = (fingerprint, verdict)
        return verdict, False

    def judge(self, legs: Sequence[Leg], is_ours: Callable[[str], bool] = everything) -> Verdict:
        """Return the first rule that the legs break on the accounts we look at."""
        moved: dict[str, int] = {}
        for side in sides_of(legs):
            if is_ours(side.account):
                result = self._problem(side, moved.get(side.account, 0))
                if result is not Result.ACCEPTED:
                    return result, side.where
                moved[side.account] = moved.get(side.account, 0) + side.amount
        return Result.ACCEPTED, 0

    def _problem(self, side: Side, moved: int) -> Result:
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
            (account.status == "frozen", Result.ACCOUNT_FROZEN),
            (account.currency != side.currency, Result.CURRENCY_MISMATCH),
            (side.account == side.other, Result.SAME_ACCOUNT),
            (is_debit and account.min_balance is not None and available < account.min_balance, Result.INSUFFICIENT_FUNDS),
            (is_debit and account.min_balance is None and available < -LARGEST, Result.LIMIT_EXCEEDED),
            (not is_debit and expected > ceiling, Result.LIMIT_EXCEEDED),
        )
        return next((result for is_broken, result in rules if is_broken), Result.ACCEPTED)

    def post(self, legs: Sequence[Leg], is_ours: Callable[[str], bool] = everything) -> list[tuple[Side, int]]:
        """Let the legs take effect on the accounts we look at; return each side with its account's balance after it."""
        posted = []
        for side in sides_of(legs):
            if is_ours(side.account):
                account = self.accounts[side.account]
                account.posted += side.amount
                posted.append((side, account.posted))
        return posted

    def hold(self, legs: Sequence[Leg], is_ours: Callable[[str], bool], sign: int = 1) -> None:
        """Reserve (`sign` -1: release) what the legs need at worst on the accounts we look at."""
        moved: dict[str, list[int]] = {}
        for side in sides_of(legs):
            if is_ours(side.account):
                steps = moved.setdefault(side.account, [0])
                steps.append(steps[-1] + side.amount)
        for name, steps in moved.items():
            self.accounts[name].held_out += sign * -min(steps)
            self.accounts[name].held_in += sign * max(steps)

    def totals(self) -> dict[str, int]:
        """Return the sum of all posted balances per currency. Each is zero, or the model itself is wrong."""
        sums: dict[str, int] = {}
        for account in self.accounts.values():
            sums[account.currency] = sums.get(account.currency, 0) + account.posted
        return sums
