"""The bodies that a process sends, made before the run: during it only keys are filled in.

A process goes round its templates. What the accepted ones add up to is known from how often each was accepted.
"""

from collections.abc import Sequence
from random import Random

import msgspec

from loadtests.scenarios.plan import Plan
from loadtests.scenarios.scenario import Draw
from loadtests.workload import DRAWS, MAXIMUM_AMOUNT, DrawPair, Shape
from processor.core.routing import shard_of

CURRENCY = "EUR"
PAYMENTS_IN_TEMPLATES = 20_000
TEMPLATES_MIN = 4
_KEY = b"{key}"


class Payment(msgspec.Struct, frozen=True, gc=False):
    """What one payment moves. The accounts are places in the plan's list."""

    source: int
    target: int
    amount: int


class Template(msgspec.Struct, frozen=True):
    """The body of one request, and what it pays. In a batch the keys are left open."""

    body: bytes
    payments: tuple[Payment, ...]

    def fill(self, key: bytes) -> bytes:
        """Return the body of a batch whose payments have keys that begin so."""
        return self.body.replace(_KEY, key)


def make_templates(plan: Plan, process: int) -> list[Template]:
    """Return the process's templates: the same ones for the same seed and accounts. Raises ValueError for too few accounts."""
    random = Random(f"{plan.seed}/templates/{process}")
    ids = plan.account_ids
    places = {account.encode(): place for place, account in enumerate(ids)}
    draw = _draw_of(plan, ids, random)
    size = plan.of.batch_payments
    templates = []
    for _ in range(max(PAYMENTS_IN_TEMPLATES // size, TEMPLATES_MIN)):
        drawn = [(*draw(), random.randrange(1, MAXIMUM_AMOUNT + 1)) for _ in range(size)]
        payments = tuple(Payment(places[source], places[target], amount) for source, target, amount in drawn)
        templates.append(Template(_body(plan, drawn), payments))
    return templates


def _body(plan: Plan, drawn: Sequence[tuple[bytes, bytes, int]]) -> bytes:
    members = [
        b'"from":"%b","to":"%b","amount":%d,"currency":"%b"}' % (source, target, amount, CURRENCY.encode())
        for source, target, amount in drawn
    ]
    if plan.of.kind == "batch":
        items = (b'{"idempotency_key":"%b-%d",%b' % (_KEY, number, item) for number, item in enumerate(members))
        return b'{"payments":[' + b",".join(items) + b"]}"
    return (b'{"mode":"hold",' if plan.of.kind == "hold_capture" else b"{") + members[0]


def _draw_of(plan: Plan, ids: Sequence[str], random: Random) -> DrawPair:
    encoded = [account.encode() for account in ids]
    if plan.of.draw == "cross_shard_half":
        return _half_across(encoded, [plan.shard_groups[shard_of(account, len(plan.shard_groups))] for account in ids], random)
    return DRAWS[_SHAPES[plan.of.draw]](encoded, random)


_SHAPES: dict[Draw, Shape] = {"random": "random_accounts", "hot": "one_hot_account", "zipf": "zipf"}


def _half_across(ids: Sequence[bytes], group_of: Sequence[int], random: Random) -> DrawPair:
    """Draw the second account from another group than the first one's for half of the payments, from its own for the others."""
    groups = [[ids[place] for place, group in enumerate(group_of) if group == wanted] for wanted in sorted(set(group_of))]
    if len(groups) < 2 or min(map(len, groups)) < 2:
        raise ValueError("half of the payments cannot cross shards: there must be two shards, with two accounts on each at least")

    def draw() -> tuple[bytes, bytes]:
        first = random.randrange(len(groups))
        source = random.choice(groups[first])
        if random.random() < 0.5:
            # Any group but the first one's.
            return source, random.choice(groups[first - random.randrange(1, len(groups))])
        target = source
        while target == source:
            target = random.choice(groups[first])
        return source, target

    return draw
