"""Payments for load tests, made from a seed, by shape."""

from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random
from typing import Literal

import msgspec

from processor.client.load import Batch

Shape = Literal["random_accounts", "one_hot_account", "zipf"]
SHAPES: tuple[Shape, ...] = ("random_accounts", "one_hot_account", "zipf")
MAXIMUM_AMOUNT = 1_000
_ZIPF_EXPONENT = 1.0


class Workload(msgspec.Struct, frozen=True):
    """How payments are drawn. The accounts' names hold no seed: several workloads may use the same accounts.

    `random_accounts`: both sides uniform. `one_hot_account`: the first account receives every payment. `zipf`: both sides by
    rank, the n-th account 1/n as often as the first.
    """

    shape: Shape
    accounts: int
    seed: int
    currency: str = "EUR"
    prefix: str = "load"

    @property
    def account_ids(self) -> list[str]:
        """The accounts that the payments go between."""
        return [f"{self.prefix}-{number:07d}" for number in range(self.accounts)]

    def singles(self, count: int) -> list[tuple[bytes, bytes]]:
        """Return payments as (idempotency key, body)."""
        return [(key, b"{" + members) for key, members in self._payments("s", count)]

    def holds(self, count: int) -> list[tuple[bytes, bytes]]:
        """Return the same as holds."""
        return [(key, b'{"mode":"hold",' + members) for key, members in self._payments("h", count)]

    def batches(self, count: int, batch_payments: int) -> list[Batch]:
        """Return `count` batches of `batch_payments` payments each."""
        made = []
        for number in range(count):
            items = [b'{"idempotency_key":"%b",%b' % payment for payment in self._payments(f"b{number}-", batch_payments)]
            made.append(Batch(b'{"payments":[' + b",".join(items) + b"]}", batch_payments))
        return made

    def _payments(self, label: str, count: int) -> list[tuple[bytes, bytes]]:
        """Return keys, and bodies without the opening brace. Keys name seed and shape: no run repeats another's."""
        if self.accounts < 2:
            raise ValueError("a payment needs two accounts")
        random = Random(f"{self.seed}/{label}")
        ids = [account.encode() for account in self.account_ids]
        draw = DRAWS[self.shape](ids, random)
        currency = self.currency.encode()
        name = f"{self.shape}-{self.seed}-{label}".encode()
        payments = []
        for number in range(count):
            from_account, to_account = draw()
            amount = random.randrange(1, MAXIMUM_AMOUNT + 1)
            members = b'"from":"%b","to":"%b","amount":%d,"currency":"%b"}' % (from_account, to_account, amount, currency)
            payments.append((b"%b%d" % (name, number), members))
        return payments


DrawPair = Callable[[], tuple[bytes, bytes]]


def _uniform(ids: Sequence[bytes], random: Random) -> DrawPair:
    def draw() -> tuple[bytes, bytes]:
        # Two different places out of n: the second skips the first. Cheaper than random.sample.
        first, second = random.randrange(len(ids)), random.randrange(len(ids) - 1)
        return ids[first], ids[second + (second >= first)]

    return draw


def _one_hot(ids: Sequence[bytes], random: Random) -> DrawPair:
    return lambda: (ids[random.randrange(1, len(ids))], ids[0])


def _zipf(ids: Sequence[bytes], random: Random) -> DrawPair:
    bounds = list(accumulate(1.0 / rank**_ZIPF_EXPONENT for rank in range(1, len(ids) + 1)))

    def draw() -> tuple[bytes, bytes]:
        first = second = bisect(bounds, random.random() * bounds[-1])
        while second == first:
            second = bisect(bounds, random.random() * bounds[-1])
        return ids[min(first, len(ids) - 1)], ids[min(second, len(ids) - 1)]

    return draw


DRAWS: dict[Shape, Callable[[Sequence[bytes], Random], DrawPair]] = {
    "random_accounts": _uniform,
    "one_hot_account": _one_hot,
    "zipf": _zipf,
}
