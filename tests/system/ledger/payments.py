"""Payments as the tests send them, and a random supply of them."""

from random import Random

import msgspec

from processor.client.load import Batch

CURRENCY = "EUR"
FUNDS = 2_000
LEGS_MAX = 4


class Leg(msgspec.Struct, frozen=True, gc=False):
    """One movement, in minor units."""

    from_account: str = msgspec.field(name="from")
    to: str
    amount: int
    currency: str = CURRENCY


class Payment(msgspec.Struct, frozen=True, gc=False):
    """A payment of one or more legs under an idempotency key."""

    key: str
    legs: tuple[Leg, ...]

    def body(self) -> bytes:
        """Return it as the body of a request of its own; one leg is written without `legs`."""
        return msgspec.json.encode(self.legs[0] if len(self.legs) == 1 else {"legs": self.legs})

    def item(self) -> bytes:
        """Return it as one of a batch."""
        return b'{"idempotency_key":"%b",%b' % (self.key.encode(), self.body()[1:])


def batch_of(payments: list[Payment]) -> Batch:
    """Return the payments as the body of a batch request."""
    return Batch(b'{"payments":[' + b",".join(payment.item() for payment in payments) + b"]}", len(payments))


class Supply:
    """Payments between random accounts: most with one leg, some with several. Now and then one asks for more than there is."""

    def __init__(self, run: str, accounts: list[str], random: Random) -> None:
        self._run = run
        self._accounts = accounts
        self._random = random
        self._made = 0

    def next(self) -> Payment:
        """Return a payment that was not returned before."""
        self._made += 1
        legs = 1 if self._random.random() < 0.8 else self._random.randint(2, LEGS_MAX)
        return Payment(f"{self._run}-{self._made}", tuple(self._leg() for _ in range(legs)))

    def batch(self, count: int) -> list[Payment]:
        """Return that many payments."""
        return [self.next() for _ in range(count)]

    def _leg(self) -> Leg:
        from_account, to = self._random.sample(self._accounts, 2)
        return Leg(from_account, to, self._random.randint(1, 200))
