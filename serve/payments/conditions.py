"""From `balance_conditions` to what the ledger checks."""

from typing import get_args

import msgspec
from msgspec import UNSET

from processor.core.messages import Balance, Comparison, Condition, Leg
from serve.bodies.conditions import BalanceConditionBody, ComparisonBody
from serve.bodies.values import whole
from serve.limits import COMPARISONS_MAX
from serve.wire.problems import field_problem
from serve.wire.strict_json import AMOUNT_RULE

_BALANCES: tuple[Balance, ...] = get_args(Balance)
_COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)


def conditions_of(bodies: list[BalanceConditionBody], legs: tuple[Leg, ...]) -> tuple[Condition, ...]:
    """Return one condition for each comparison, in an order that does not depend on the JSON. Raises Problem."""
    accounts = {account for leg in legs for account in (leg.from_account, leg.to_account)}
    found: list[Condition] = []
    for index, body in enumerate(bodies):
        pointer = f"/balance_conditions/{index}"
        if body.account not in accounts:
            raise field_problem("invalid_body", f"{pointer}/account", "must be one of the accounts of the payment")
        before = len(found)
        for balance in _BALANCES:
            comparisons = getattr(body, balance)
            if comparisons is not UNSET:
                found += _compared(body.account, balance, comparisons, f"{pointer}/{balance}")
        if len(found) == before:
            raise field_problem("invalid_body", pointer, f"name a balance: {', '.join(_BALANCES)}")
    if len(found) > COMPARISONS_MAX:
        raise field_problem("invalid_body", "/balance_conditions", f"may hold {COMPARISONS_MAX} comparisons in all")
    return tuple(sorted(found, key=msgspec.structs.astuple))


def _compared(account: str, balance: Balance, body: ComparisonBody, pointer: str) -> list[Condition]:
    found = []
    for comparison in _COMPARISONS:
        given = getattr(body, comparison)
        if given is UNSET:
            continue
        value = whole(given)
        if value is None:
            raise field_problem("invalid_amount", f"{pointer}/{comparison}", AMOUNT_RULE)
        found.append(Condition(account, balance, comparison, value))
    if not found:
        raise field_problem("invalid_body", pointer, f"name a comparison: {', '.join(_COMPARISONS)}")
    return found


def strings_of_conditions(bodies: list[BalanceConditionBody]) -> int:
    """Return how many JSON strings (names and values) the conditions were made of, with the name of their list."""
    count = 1 + 2 * len(bodies)
    for body in bodies:
        for balance in _BALANCES:
            comparisons = getattr(body, balance)
            if comparisons is not UNSET:
                values = [value for name in _COMPARISONS if (value := getattr(comparisons, name)) is not UNSET]
                count += 1 + len(values) + sum(type(value) is str for value in values)
    return count
