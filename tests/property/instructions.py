"""What the state machines ask for: few accounts, few keys, and amounts at the edges, so that rules meet each other."""

from collections.abc import Sequence
from typing import get_args

from hypothesis import strategies as st

from processor.core.messages import Balance, Comparison, Condition, Leg, OpenAccount
from processor.core.routing import shard_of

LARGEST = 2**63 - 1
ACCOUNTS = [f"account-{number}" for number in range(6)]
CURRENCIES = ["EUR", "USD"]

accounts = st.sampled_from(ACCOUNTS)
keys = st.sampled_from([f"key-{number}" for number in range(12)])
amounts = st.one_of(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, LARGEST, LARGEST - 1, LARGEST // 2]))
statuses = st.sampled_from(["open", "open", "frozen", "frozen", "closed"])
legs = st.builds(Leg, accounts, accounts, amounts, st.sampled_from(["EUR"] * 9 + ["USD"]))
# Most payments are such that they can be made: what becomes of them later is tried on what there is.
plain_legs = st.builds(
    lambda source, step, amount: Leg(ACCOUNTS[source], ACCOUNTS[(source + step) % len(ACCOUNTS)], amount, "EUR"),
    st.integers(0, len(ACCOUNTS) - 1),
    st.integers(1, len(ACCOUNTS) - 1),
    st.integers(1, 20),
)
several_legs = st.one_of(
    st.lists(plain_legs, min_size=1, max_size=2),
    st.lists(plain_legs, min_size=1, max_size=3),
    st.lists(legs, min_size=1, max_size=5),
)

# Mostly accounts that may be overdrawn or hold anything: else hardly any payment would go through.
min_balances = st.sampled_from([None, None, None, None, 0, 0, 5, -30])
first_min_balances = st.lists(
    st.sampled_from([None, None, None, None, None, 0, -30]), min_size=len(ACCOUNTS), max_size=len(ACCOUNTS)
)
max_balances = st.sampled_from([None, None, None, 40])
metadata = st.sampled_from([None, None, {}, {"colour": "blue"}])

# Conditions are about accounts of the payment: each of these names one by a number.
Drawn = tuple[int, Balance, Comparison, int]
conditions: st.SearchStrategy[list[Drawn]] = st.one_of(
    st.just([]),
    st.just([]),
    st.lists(
        st.tuples(
            st.integers(0, 9),
            st.sampled_from(get_args(Balance)),
            st.sampled_from(get_args(Comparison)),
            st.sampled_from([-20, -1, 0, 0, 1, 20]),
        ),
        max_size=2,
    ),
)
version_offsets = st.sampled_from([None, None, None, None, None, None, None, 0, 0, 1, -1])
lasts = st.sampled_from([1, 300_000, 300_000, 2_000_000, 3_600_000_000])
positions = st.one_of(st.integers(0, 3), st.integers(0, 1000))
"""Counted from the newest."""
# Of each leg: everything, nothing, a few units, or (-1) one too many; now and then for the wrong number of legs.
shares = st.one_of(st.none(), st.lists(st.sampled_from([1, 0, 5, 10**6, -1]), min_size=5, max_size=5))
reasons = st.sampled_from([None, None, "a mistake"])
frozen_sides = st.sampled_from([None, None, None, None, 0, 1, 2, 3])
"""Which side of which leg is frozen first, counted as in `where`."""


def named_conditions(drawn: Sequence[Drawn], legs: Sequence[Leg]) -> tuple[Condition, ...] | None:
    """Return the drawn conditions, about accounts of these legs."""
    names = [account for leg in legs for account in (leg.from_account, leg.to_account)]
    return tuple(Condition(names[number % len(names)], of, comparison, value) for number, of, comparison, value in drawn) or None


def side_of(legs: Sequence[Leg], where: int) -> str:
    """Return the account on one side of one of the legs."""
    leg = legs[where // 2 % len(legs)]
    return leg.to_account if where % 2 else leg.from_account


def shared_amounts(shares: list[int] | None, most: Sequence[int], is_short: bool) -> tuple[int, ...] | None:
    """Return how much of each leg is asked for, where `most` is what there is; `is_short` names one leg too few."""
    if shares is None:
        return None
    amounts = tuple(min(share, limit) if share >= 0 else limit + 1 for share, limit in zip(shares, most, strict=False))
    return amounts[:-1] if is_short else amounts


def opening(account: str, currency: str, min_balance: int | None, max_balance: int | None, shards: int) -> OpenAccount:
    """Return the message that opens the account on its shard."""
    return OpenAccount(shard_of(account, shards), account, currency, min_balance, max_balance)
