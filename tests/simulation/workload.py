"""Untidy work: accounts from a small set, amounts at the edges, the same account on both sides, ids nobody opened, keys used again."""

from dataclasses import dataclass, field
from random import Random

from msgspec.structs import replace

from processor.core import messages as m
from processor.core.messages import Leg
from processor.core.routing import shard_of
from tests.cluster import digest

LARGEST = 2**63 - 1
LEGS_MAX = 5


@dataclass
class Command:
    """One thing that a client wants, and how it went. `sent` and `answered` in seconds; `answer` is None until there is one for good."""

    message: m.AnyMessage
    sent: float = -1.0
    answered: float = -1.0
    answer: m.AnyAnswer | None = None
    cancelled: list[m.PaymentAnswer] = field(default_factory=list)
    """Answers that the payment was given up, which leave it open what comes of a repetition."""


class Workload:
    """Draws commands. `asked` says which legs stand behind each fingerprint."""

    def __init__(self, random: Random, shards: int, accounts: int) -> None:
        self._random = random
        self._shards = shards
        self._names = [f"account-{number}" for number in range(accounts)]
        self._payments: list[m.Pay | m.PayLegs] = []
        self._keys = 0
        self.asked: dict[bytes, tuple[Leg, ...]] = {}

    def openings(self) -> list[m.AnyMessage]:
        """Return what opens the accounts, most of them without a floor."""
        random = self._random
        return [
            m.OpenAccount(self._shard(name), name, "EUR", random.choice([None, None, 0, -50]), random.choice([None, None, 100]))
            for name in self._names
        ]

    def draw_read(self) -> m.AnyMessage:
        """Return a question that changes nothing."""
        name = self._random.choice(self._names)
        return m.ReadAccount(self._shard(name), name)

    def draw(self) -> m.AnyMessage:
        """Return the next thing to ask for."""
        random = self._random
        kind = random.random()
        name = random.choice(self._names)
        if kind < 0.78:
            return self._payment()
        if kind < 0.88:
            return self.draw_read()
        if kind < 0.95:
            status = random.choice(("open", "open", "open", "frozen", "closed"))
            return m.SetStatus(self._shard(name), name, status)  # type: ignore[arg-type]
        if kind < 0.98:
            return m.OpenAccount(self._shard(name), name, random.choice(["EUR", "EUR", "USD"]), random.choice([None, 0]))
        return m.ReadTotals(random.randrange(self._shards))

    def _payment(self) -> m.Pay | m.PayLegs:
        random = self._random
        if self._payments and random.random() < 0.12:
            before = random.choice(self._payments[-20:])
            if random.random() < 0.6:
                return before
            legs = self.asked[before.fingerprint]
            other = (*legs[:-1], replace(legs[-1], amount=random.randint(1, 20)))
            return self._message(before.key, other)
        count = 1 if random.random() < 0.7 else random.randint(1, LEGS_MAX)
        legs = tuple(self._leg() for _ in range(count))
        self._keys += 1
        message = self._message(digest((self._keys, legs[0].from_account)), legs)
        self._payments.append(message)
        return message

    def _leg(self) -> Leg:
        random = self._random
        source, target = random.choice(self._names), random.choice(self._names)
        if source == target and random.random() < 0.7:
            target = random.choice(self._names)
        if random.random() < 0.02:
            target = "nobody"
        amount = random.randint(1, 20)
        if random.random() < 0.05:
            amount = random.choice([1, LARGEST, LARGEST - 1, LARGEST // 2])
        return Leg(source, target, amount, "USD" if random.random() < 0.02 else "EUR")

    def _message(self, key: bytes, legs: tuple[Leg, ...]) -> m.Pay | m.PayLegs:
        fingerprint = digest(legs)
        self.asked[fingerprint] = legs
        shard = self._shard(legs[0].from_account)
        if len(legs) > 1 or self._random.random() < 0.1:
            return m.PayLegs(shard, key, fingerprint, legs)
        leg = legs[0]
        return m.Pay(shard, key, fingerprint, leg.from_account, leg.to_account, leg.amount, leg.currency)

    def _shard(self, account: str) -> int:
        return shard_of(account, self._shards)
