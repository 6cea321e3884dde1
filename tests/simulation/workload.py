"""Untidy work: accounts from a small set, amounts at the edges, the same account on both sides, ids nobody opened, keys used again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import get_args

from msgspec.structs import replace

from processor.core import messages as m
from processor.core.messages import Leg
from processor.core.results import Result
from processor.core.routing import shard_of
from tests.cluster import digest
from tests.model.payments import Place

LARGEST = 2**63 - 1
LEGS_MAX = 5


@dataclass
class Command:
    """One thing that a client wants, and how it went. `sent` and `answered` in seconds; `answer` is None until there is one for good."""

    message: m.AnyMessage
    sent: float = -1.0
    answered: float = -1.0
    answer: m.AnyAnswer | None = None
    cancelled: list[m.PaymentAnswer | m.OperationAnswer] = field(default_factory=list)
    """Answers that it was given up, which leave it open what comes of a repetition."""


Keyed = m.Pay | m.PayLegs | m.Hold | m.Capture | m.Void | m.Refund
LASTS_SECONDS = (0.2, 1.0, 5.0, 60.0, 5000.0)


class Workload:
    """Draws commands. `asked` says which message stands behind each fingerprint; what clients were told of, they use later."""

    def __init__(self, random: Random, shards: int, accounts: int) -> None:
        self._random = random
        self._shards = shards
        self._names = [f"account-{number}" for number in range(accounts)]
        self._sent: list[Keyed] = []
        self._keys = 0
        self._payments: dict[Place, tuple[Leg, ...]] = {}
        self._holds: dict[Place, tuple[Leg, ...]] = {}
        self._versions: dict[str, int] = {}
        self.asked: dict[bytes, m.AnyMessage] = {}

    def openings(self) -> list[m.AnyMessage]:
        """Return what opens the accounts, most of them without a floor."""
        random = self._random
        return [
            m.OpenAccount(self._shard(name), name, "EUR", random.choice([None, None, 0, -50]), random.choice([None, None, 100]))
            for name in self._names
        ]

    def learn(self, message: m.AnyMessage, answer: m.AnyAnswer) -> None:
        """Note what an answer lets clients ask for next."""
        if isinstance(answer, m.AccountAnswer) and answer.account is not None:
            self._versions[answer.account.id] = answer.account.version
        if isinstance(answer, m.PaymentAnswer) and answer.result is Result.ACCEPTED:
            place = (message.shard, answer.at, answer.sequence, answer.index)
            if isinstance(message, m.Hold):
                self._holds[place] = message.legs
            elif isinstance(message, m.PayLegs):
                self._payments[place] = message.legs
            elif isinstance(message, m.Pay):
                self._payments[place] = (Leg(message.from_account, message.to_account, message.amount, message.currency),)

    def draw_read(self) -> m.AnyMessage:
        """Return a question that changes nothing."""
        places = [*self._holds, *self._payments]
        if places and self._random.random() < 0.15:
            return m.ReadPayment(*self._random.choice(places))
        name = self._random.choice(self._names)
        return m.ReadAccount(self._shard(name), name)

    def draw(self) -> m.AnyMessage:
        """Return the next thing to ask for."""
        random = self._random
        kind = random.random()
        name = random.choice(self._names)
        if kind < 0.50:
            return self._remembered(self._payment)
        if kind < 0.80:
            return self._remembered(self._operation)
        if kind < 0.89:
            return self.draw_read()
        if kind < 0.95:
            status = random.choice(("open", "open", "open", "frozen", "closed"))
            return m.SetStatus(self._shard(name), name, status, self._version(name))  # type: ignore[arg-type]
        if kind < 0.98:
            return m.OpenAccount(self._shard(name), name, random.choice(["EUR", "EUR", "USD"]), random.choice([None, 0]))
        return m.ReadTotals(random.randrange(self._shards))

    def draw_plain(self) -> m.AnyMessage:
        """Return a payment of one leg without conditions, or something again."""
        return self._remembered(self._plain_payment)

    def _remembered(self, draw: Callable[[], Keyed]) -> Keyed:
        """Return something new, or something again with the key it had: recent or old, the same or with another body."""
        random = self._random
        if not self._sent or random.random() >= 0.15:
            message = draw()
            self._sent.append(message)
        else:
            before = random.choice(self._sent[-20:] if random.random() < 0.7 else self._sent)
            if random.random() < 0.7:
                return before
            message = replace(before, fingerprint=digest((before.fingerprint, "another body")))
        self.asked[message.fingerprint] = message
        return message

    def _payment(self) -> Keyed:
        random = self._random
        count = 1 if random.random() < 0.7 else random.randint(2, LEGS_MAX)
        legs = tuple(self._leg() for _ in range(count))
        account = legs[0].from_account
        shard, key, conditions, version = self._shard(account), self._key(account), self._conditions(legs), self._version(account)
        if random.random() < 0.35:
            lasts = int(random.choice(LASTS_SECONDS) * 1_000_000)
            content = digest(("hold", legs, lasts, conditions))
            return m.Hold(shard, key, content, legs, lasts, None, None, conditions, version)
        content = digest((legs, conditions))
        if count > 1 or random.random() < 0.1:
            return m.PayLegs(shard, key, content, legs, None, None, conditions, version)
        leg = legs[0]
        return m.Pay(
            shard, key, content, leg.from_account, leg.to_account, leg.amount, leg.currency, None, None, conditions, version
        )

    def _plain_payment(self) -> m.Pay:
        leg = self._leg()
        key, content = self._key(leg.from_account), digest(((leg,), None))
        return m.Pay(self._shard(leg.from_account), key, content, leg.from_account, leg.to_account, leg.amount, leg.currency)

    def _operation(self) -> Keyed:
        """Return what is to be done to a payment: mostly to a recent one."""
        random = self._random
        known = self._holds if random.random() < 0.6 else self._payments
        if not known:
            return self._payment()
        places = list(known)
        place = random.choice(places[-5:] if random.random() < 0.6 else places)
        kind, amounts = random.random(), self._amounts(known[place])
        shard, at, sequence, index = place
        key = self._key(place)
        if known is self._holds and kind < 0.45:
            is_final = random.random() < 0.5
            return m.Capture(*place, key, digest(("capture", place, amounts, is_final)), amounts, is_final)
        if known is self._holds and kind < 0.6:
            return m.Void(shard, at, sequence, index, key, digest(("void", place)))
        reason = "a mistake" if random.random() < 0.2 else None
        return m.Refund(*place, key, digest(("refund", place, amounts, reason)), amounts, reason)

    def _amounts(self, legs: tuple[Leg, ...]) -> tuple[int, ...] | None:
        """Return how much of each leg: all that is left, or a part; now and then for a leg too many."""
        random = self._random
        if random.random() < 0.4:
            return None
        count = len(legs) + (random.random() < 0.02)
        return tuple(random.choice([0, 1, random.randint(1, 10), legs[min(leg, len(legs) - 1)].amount]) for leg in range(count))

    def _conditions(self, legs: tuple[Leg, ...]) -> tuple[m.Condition, ...] | None:
        random = self._random
        if random.random() < 0.85:
            return None
        leg = random.choice(legs)
        account = random.choice([leg.from_account, leg.to_account])
        balance, comparison = random.choice(get_args(m.Balance)), random.choice(get_args(m.Comparison))
        return (m.Condition(account, balance, comparison, random.choice([-30, 0, 0, 20])),)

    def _version(self, account: str) -> int | None:
        return self._versions.get(account) if self._random.random() < 0.1 else None

    def _key(self, scope: object) -> bytes:
        self._keys += 1
        return digest((self._keys, scope))

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

    def _shard(self, account: str) -> int:
        return shard_of(account, self._shards)
