"""Payments of several legs: may they be made, what must be reserved for them, and which entries do they make.

Legs take effect in order, so what matters on each account is the lowest and the highest point that its balance passes through.
Both can be judged from that account's own legs alone, so the outcome does not depend on which accounts share a shard.
"""

from collections.abc import Callable, Iterable

from processor.core.account import Account, availability_problem, credit_problem, debit_problem
from processor.core.events import Entry, Hold, Transit
from processor.core.messages import Leg
from processor.core.results import Result

Lookup = Callable[[str], Account | None]
ShardOf = Callable[[str], int]


class Refusal(Exception):
    """A leg breaks a rule. `where`: twice the leg's index, plus one for its `to` side."""

    def __init__(self, result: Result, where: int) -> None:
        self.result = result
        self.where = where


def plan_holds(legs: Iterable[Leg], is_here: Callable[[str], bool], lookup: Lookup) -> tuple[Hold, ...]:
    """Return what has to be reserved on the accounts that live here. Raises Refusal for the first leg that cannot be made."""
    running: dict[str, int] = {}
    lowest: dict[str, int] = {}
    highest: dict[str, int] = {}
    for index, leg in enumerate(legs):
        debited, credited = leg.from_account, leg.to_account
        if is_here(debited):
            account = lookup(debited)
            result = availability_problem(account, leg.currency)
            if result is Result.ACCEPTED and debited == credited:
                result = Result.SAME_ACCOUNT
            if result is Result.ACCEPTED and account is not None:
                result = debit_problem(account, leg.amount - running.get(debited, 0))
            if result is not Result.ACCEPTED:
                raise Refusal(result, 2 * index)
            running[debited] = moved = running.get(debited, 0) - leg.amount
            lowest[debited] = min(lowest.get(debited, 0), moved)
        if is_here(credited):
            account = lookup(credited)
            result = availability_problem(account, leg.currency)
            if result is Result.ACCEPTED and account is not None:
                result = credit_problem(account, leg.amount + running.get(credited, 0))
            if result is not Result.ACCEPTED:
                raise Refusal(result, 2 * index + 1)
            running[credited] = moved = running.get(credited, 0) + leg.amount
            highest[credited] = max(highest.get(credited, 0), moved)
    return tuple(Hold(account, -lowest.get(account, 0), highest.get(account, 0)) for account in running)


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
        source, target = shard_of(leg.from_account), shard_of(leg.to_account)
        if source == shard:
            post(leg.from_account, index, -leg.amount, leg.currency)
        if target == shard:
            post(leg.to_account, index, leg.amount, leg.currency)
        if source != target and shard in (source, target):
            other, amount = (target, leg.amount) if source == shard else (source, -leg.amount)
            transit.append((other, leg.currency, amount))
    return tuple(entries), tuple(transit)
