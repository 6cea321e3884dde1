"""Payments of several legs: may they be made, what must be reserved for them, and which entries do they make.

Legs take effect in order, so what matters on each account is the lowest and the highest point that its balance passes through.
Both can be judged from that account's own legs alone, so the outcome does not depend on which accounts share a shard. A hold
reserves each leg by itself instead, so that any part of any leg can be captured later. Legs with the amount 0 are passed over.
"""

from collections.abc import Callable, Iterable, Sequence

from processor.core.account import Account, availability_problem, condition_holds, credit_problem, debit_problem
from processor.core.events import Entry, Hold, Transit
from processor.core.messages import Condition, Leg
from processor.core.results import Result

Lookup = Callable[[str], Account | None]
ShardOf = Callable[[str], int]


class Refusal(Exception):
    """A leg breaks a rule. `where`: twice the leg's index, plus one for its `to` side."""

    def __init__(self, result: Result, where: int) -> None:
        self.result = result
        self.where = where


def plan_holds(
    legs: Iterable[Leg], is_here: Callable[[str], bool], lookup: Lookup, although_frozen: bool = False
) -> tuple[Hold, ...]:
    """Return what has to be reserved on the accounts that live here. Raises Refusal for the first leg that cannot be made."""
    running: dict[str, int] = {}
    lowest: dict[str, int] = {}
    highest: dict[str, int] = {}
    for index, leg in enumerate(legs):
        if not leg.amount:
            continue
        debited, credited = leg.from_account, leg.to_account
        if is_here(debited):
            judge_debit(leg, 2 * index, lookup(debited), leg.amount - running.get(debited, 0), although_frozen)
            running[debited] = moved = running.get(debited, 0) - leg.amount
            lowest[debited] = min(lowest.get(debited, 0), moved)
        if is_here(credited):
            judge_credit(leg, 2 * index + 1, lookup(credited), leg.amount + running.get(credited, 0), although_frozen)
            running[credited] = moved = running.get(credited, 0) + leg.amount
            highest[credited] = max(highest.get(credited, 0), moved)
    return tuple(Hold(account, -lowest.get(account, 0), highest.get(account, 0)) for account in running)


def plan_reservation(legs: Sequence[Leg], is_here: Callable[[str], bool], lookup: Lookup) -> tuple[Hold, ...]:
    """Return what a hold reserves on the accounts that live here. Raises Refusal for the first leg that cannot be held."""
    outgoing: dict[str, int] = {}
    incoming: dict[str, int] = {}
    for index, leg in enumerate(legs):
        debited, credited = leg.from_account, leg.to_account
        if is_here(debited):
            outgoing[debited] = outgoing.get(debited, 0) + leg.amount
            judge_debit(leg, 2 * index, lookup(debited), outgoing[debited])
        if is_here(credited):
            incoming[credited] = incoming.get(credited, 0) + leg.amount
            judge_credit(leg, 2 * index + 1, lookup(credited), incoming[credited])
    return leg_holds(legs, [leg.amount for leg in legs], is_here)


def judge_debit(leg: Leg, where: int, account: Account | None, amount: int, although_frozen: bool = False) -> None:
    """Raise Refusal if `amount` cannot leave the account for this leg."""
    result = availability_problem(account, leg.currency, although_frozen)
    if result is Result.ACCEPTED and leg.from_account == leg.to_account:
        result = Result.SAME_ACCOUNT
    if result is Result.ACCEPTED and account is not None:
        result = debit_problem(account, amount)
    if result is not Result.ACCEPTED:
        raise Refusal(result, where)


def judge_credit(leg: Leg, where: int, account: Account | None, amount: int, although_frozen: bool = False) -> None:
    """Raise Refusal if `amount` cannot arrive on the account for this leg."""
    result = availability_problem(account, leg.currency, although_frozen)
    if result is Result.ACCEPTED and account is not None:
        result = credit_problem(account, amount)
    if result is not Result.ACCEPTED:
        raise Refusal(result, where)


def judge_conditions(conditions: Sequence[Condition] | None, is_here: Callable[[str], bool], lookup: Lookup) -> None:
    """Raise Refusal if a condition about an account that lives here does not hold; `where` is then the condition's position."""
    for position, condition in enumerate(conditions or ()):
        if is_here(condition.account) and not condition_holds(lookup(condition.account), condition):
            raise Refusal(Result.BALANCE_CONDITION_FAILED, position)


def leg_holds(legs: Iterable[Leg], amounts: Iterable[int], is_here: Callable[[str], bool]) -> tuple[Hold, ...]:
    """Return what the amounts, one for each leg, take up on the accounts that live here."""
    outgoing: dict[str, int] = {}
    incoming: dict[str, int] = {}
    for leg, amount in zip(legs, amounts, strict=True):
        if amount and is_here(leg.from_account):
            outgoing[leg.from_account] = outgoing.get(leg.from_account, 0) + amount
        if amount and is_here(leg.to_account):
            incoming[leg.to_account] = incoming.get(leg.to_account, 0) + amount
    return tuple(Hold(account, outgoing.get(account, 0), incoming.get(account, 0)) for account in outgoing | incoming)


def shards_of(legs: Iterable[Leg], shard_of: ShardOf) -> set[int]:
    """Return the shards of the accounts of all legs with an amount."""
    return {shard_of(account) for leg in legs if leg.amount for account in (leg.from_account, leg.to_account)}


def with_amounts(legs: Iterable[Leg], amounts: Iterable[int]) -> tuple[Leg, ...]:
    """Return the same legs with other amounts."""
    return tuple(Leg(leg.from_account, leg.to_account, amount, leg.currency) for leg, amount in zip(legs, amounts, strict=True))


def backwards(legs: Sequence[Leg], amounts: Sequence[int]) -> tuple[Leg, ...]:
    """Return the legs that undo these amounts: the last one first, each the other way round."""
    return tuple(
        Leg(leg.to_account, leg.from_account, amount, leg.currency)
        for leg, amount in zip(reversed(legs), reversed(amounts), strict=True)
    )


def where_forwards(where: int, legs: int) -> int:
    """Return which side of which of `legs` legs a refusal of the backward legs is about."""
    return 2 * (legs - 1 - where // 2) + 1 - where % 2


def make_entries(
    legs: Iterable[Leg], shard: int, shard_of: ShardOf, lookup: Lookup
) -> tuple[tuple[Entry, ...], tuple[Transit, ...]]:
    """Return the entries that the legs make on this shard's accounts, and what goes to and comes from other shards.

    Each leg that crosses has a line of its own: their sum might not fit into the 64 bits that an event's integer has.
    """
    entries: list[Entry] = []
    posted: dict[str, int] = {}
    transit: list[Transit] = []

    def post(name: str, index: int, amount: int, currency: str) -> None:
        account = lookup(name)
        assert account is not None, "a reserved account cannot vanish"
        posted[name] = after = posted.get(name, account.posted) + amount
        entries.append(Entry(name, index, amount, currency, after, account.last_sequence))

    for index, leg in enumerate(legs):
        if not leg.amount:
            continue
        source, target = shard_of(leg.from_account), shard_of(leg.to_account)
        if source == shard:
            post(leg.from_account, index, -leg.amount, leg.currency)
        if target == shard:
            post(leg.to_account, index, leg.amount, leg.currency)
        if source != target and shard in (source, target):
            other, amount = (target, leg.amount) if source == shard else (source, -leg.amount)
            transit.append((other, leg.currency, amount))
    return tuple(entries), tuple(transit)
