"""An account in memory, and the rules that one account can judge alone."""

from operator import eq, ge, gt, le, lt

import msgspec

from processor.core.messages import AccountView, Condition, Metadata, Status
from processor.core.results import Result

HIGHEST_BALANCE = 2**63 - 1
LOWEST_BALANCE = -HIGHEST_BALANCE


class Account(msgspec.Struct, array_like=True, gc=False):
    """Balances in minor units; `last_sequence` is the record that holds the account's newest entry (0: none)."""

    id: str
    currency: str
    status: Status
    posted: int
    pending_in: int
    pending_out: int
    min_balance: int | None
    max_balance: int | None
    version: int
    metadata: Metadata | None
    opened_at: int
    last_sequence: int

    def view(self) -> AccountView:
        """Return the account as it stands, detached from later changes."""
        return AccountView(
            self.id,
            self.currency,
            self.status,
            self.posted,
            self.pending_in,
            self.pending_out,
            self.min_balance,
            self.max_balance,
            self.version,
            self.metadata,
            self.opened_at,
            self.last_sequence,
        )

    @property
    def available(self) -> int:
        """What may be spent down to `min_balance`."""
        return self.posted - self.pending_out

    def is_empty(self) -> bool:
        """Whether nothing is posted or reserved."""
        return not (self.posted or self.pending_in or self.pending_out)


def availability_problem(account: Account | None, currency: str, although_frozen: bool = False) -> Result:
    """Return why the account cannot take part in a payment in this currency at all, or ACCEPTED."""
    if account is None:
        return Result.ACCOUNT_NOT_FOUND
    if account.status == "open" or (although_frozen and account.status == "frozen"):
        return Result.ACCEPTED if account.currency == currency else Result.CURRENCY_MISMATCH
    return Result.ACCOUNT_CLOSED if account.status == "closed" else Result.ACCOUNT_FROZEN


def debit_problem(account: Account, amount: int) -> Result:
    """Return why `amount` (net of what the same payment brought before) cannot leave the account, or ACCEPTED."""
    left = account.posted - account.pending_out - amount
    floor = account.min_balance
    if floor is None:
        return Result.ACCEPTED if left >= LOWEST_BALANCE else Result.LIMIT_EXCEEDED
    return Result.ACCEPTED if left >= floor else Result.INSUFFICIENT_FUNDS


def credit_problem(account: Account, amount: int) -> Result:
    """Return why `amount` (net of what the same payment took before) cannot arrive on the account, or ACCEPTED."""
    ceiling = account.max_balance
    if ceiling is None:
        ceiling = HIGHEST_BALANCE
    return Result.ACCEPTED if account.posted + account.pending_in + amount <= ceiling else Result.LIMIT_EXCEEDED


_COMPARISONS = {"gte": ge, "gt": gt, "lte": le, "lt": lt, "eq": eq}


def condition_holds(account: Account | None, condition: Condition) -> bool:
    """Return whether the account is there and its balance, before the payment, compares as asked."""
    return account is not None and bool(_COMPARISONS[condition.comparison](getattr(account, condition.balance), condition.value))
