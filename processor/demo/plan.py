"""What the demo will send: accounts and payments, new ones in every run, so that it can run again on the same ledger."""

from random import Random
from typing import Literal

import msgspec

from processor.client.load import Batch

CURRENCIES = ("EUR", "USD", "GBP")  # all with two decimals, which the tables rely on
BATCH_PAYMENTS = 1_000
FUNDS = 500_00
MAXIMUM_AMOUNT = 50_00


class Payment(msgspec.Struct, frozen=True, gc=False):
    """A payment to be sent. Amounts are in minor units."""

    key: str
    from_account: str = msgspec.field(name="from")
    to: str
    amount: int
    currency: str

    def body(self) -> bytes:
        """Return it as the body of a request of its own."""
        return b'{"from":"%b","to":"%b","amount":%d,"currency":"%b"}' % (
            self.from_account.encode(),
            self.to.encode(),
            self.amount,
            self.currency.encode(),
        )

    def item(self) -> bytes:
        """Return it as one of a batch."""
        return b'{"idempotency_key":"%b",%b' % (self.key.encode(), self.body()[1:])


class Step(msgspec.Struct, frozen=True, gc=False):
    """Something done to a payment. `verb` ends the path; `moved` is what it takes from the payer, less than 0 if it gives back."""

    verb: Literal["capture", "void", "refunds"]
    amount: int | None
    moved: int

    def body(self) -> bytes:
        """Return the request's body."""
        return b"{}" if self.amount is None else b'{"amount":%d}' % self.amount


class Hold(msgspec.Struct, frozen=True, gc=False):
    """Money to be reserved, and what comes of it, in order."""

    payment: Payment
    steps: tuple[Step, ...]

    def body(self) -> bytes:
        """Return the body of the request that makes it."""
        return b'{"mode":"hold",%b' % self.payment.body()[1:]


class Plan(msgspec.Struct, frozen=True):
    """Everything that one run sends. `accounts` and `worlds` (accounts without a lower bound) are per currency."""

    accounts: dict[str, list[str]]
    worlds: dict[str, str]
    funding: list[Payment]
    in_batches: list[Payment]
    single: list[Payment]
    holds: list[Hold]

    @property
    def account_ids(self) -> list[str]:
        """All accounts, the worlds included."""
        return [*self.worlds.values(), *(account for accounts in self.accounts.values() for account in accounts)]

    @property
    def payments(self) -> list[Payment]:
        """All payments that move money at once, in the order in which they are sent."""
        return [*self.funding, *self.in_batches, *self.single]


def make_plan(run: str, accounts: int, in_batches: int, single: int, holds: int, random: Random) -> Plan:
    """Return the plan of the run named `run`; at least two accounts per currency."""
    ids: dict[str, list[str]] = {currency: [] for currency in CURRENCIES}
    for number in range(accounts):
        currency = CURRENCIES[number % len(CURRENCIES)]
        ids[currency].append(f"demo-{run}-{currency}-{number:05d}")
    worlds = {currency: f"demo-{run}-{currency}-world" for currency in CURRENCIES}
    funding = [
        Payment(f"{run}-fund-{account}", worlds[currency], account, FUNDS, currency)
        for currency in CURRENCIES
        for account in ids[currency]
    ]
    return Plan(
        accounts=ids,
        worlds=worlds,
        funding=funding,
        in_batches=[_random_payment(f"{run}-batch-{number}", ids, random) for number in range(in_batches)],
        single=[_random_payment(f"{run}-single-{number}", ids, random) for number in range(single)],
        holds=[_hold(_random_payment(f"{run}-hold-{number}", ids, random), number) for number in range(holds)],
    )


def _hold(payment: Payment, number: int) -> Hold:
    """Return a hold that is captured, captured in part, voided, or captured and then refunded in part, by turns."""
    whole, half = Step("capture", None, payment.amount), payment.amount - payment.amount // 2
    ways = ((whole,), (Step("capture", half, half),), (Step("void", None, 0),), (whole, Step("refunds", half, -half)))
    return Hold(payment, ways[number % len(ways)])


def _random_payment(key: str, ids: dict[str, list[str]], random: Random) -> Payment:
    currency = random.choice(CURRENCIES)
    from_account, to_account = random.sample(ids[currency], 2)
    return Payment(key, from_account, to_account, random.randint(1, MAXIMUM_AMOUNT), currency)


def groups(payments: list[Payment]) -> list[list[Payment]]:
    """Return the payments in groups of the size of a batch."""
    return [payments[start : start + BATCH_PAYMENTS] for start in range(0, len(payments), BATCH_PAYMENTS)]


def batch_of(payments: list[Payment]) -> Batch:
    """Return the payments as the body of a batch request."""
    return Batch(b'{"payments":[' + b",".join(payment.item() for payment in payments) + b"]}", len(payments))
