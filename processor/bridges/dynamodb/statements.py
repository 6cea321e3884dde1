"""The two PartiQL statements by which items are written twenty-five at a time, each with an outcome of its own.

Neither can put an older state over a newer one: INSERT does nothing if there is an item, UPDATE nothing unless its version is older.
Each costs what a single write costs; a call of its own for each item would take the client several times the processor time.
"""

from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec

from processor.bridges.dynamodb.items import KEY, REMOVE_AT, VERSION, Item

STATEMENTS_MAX = 25
"""How many DynamoDB takes in one call."""


class Verb(Enum):
    """What a statement does."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"


class Try(msgspec.Struct, frozen=True):
    """One statement for an item. `is_there`: an INSERT has found that the table has it."""

    item: Item
    verb: Verb
    is_there: bool = False


class Outcome(Enum):
    """What became of an item: it, or a newer one, is in the table, or the statement has failed."""

    SETTLED = "settled"
    FAILED = "failed"


def after(made: Try, error: dict[str, str] | None) -> Outcome | Try:
    """Return what follows from a statement's error: it is done with, failed, or the other statement has to be tried."""
    if error is None:
        return Outcome.SETTLED
    match made.verb, error.get("Code"):
        case Verb.INSERT, "DuplicateItem":
            return Try(made.item, Verb.UPDATE, is_there=True)
        case Verb.UPDATE, "ConditionalCheckFailed":
            # Also said when there is no item at all.
            return Outcome.SETTLED if made.is_there else Try(made.item, Verb.INSERT)
        case _:
            return Outcome.FAILED


def statement(table: str, made: Try) -> dict[str, Any]:
    """Return the statement as DynamoDB takes it."""
    attributes = made.item.attributes
    names, values = tuple(attributes), list(attributes.values())
    if made.verb is Verb.INSERT:
        return {"Statement": _insert(table, names), "Parameters": values}
    return {"Statement": _update(table, names), "Parameters": [*values[1:], attributes[KEY], attributes[VERSION]]}


# There are as many texts as there are combinations of optional attributes.
@lru_cache(maxsize=1024)
def _insert(table: str, names: tuple[str, ...]) -> str:
    return f'INSERT INTO "{table}" VALUE {{{", ".join(f"{name!r}: ?" for name in names)}}}'


@lru_cache(maxsize=1024)
def _update(table: str, names: tuple[str, ...]) -> str:
    assert names[0] == KEY
    changes = [f'SET "{name}"=?' for name in names[1:]]
    if REMOVE_AT not in names:
        changes.append(f'REMOVE "{REMOVE_AT}"')
    return f'UPDATE "{table}" {" ".join(changes)} WHERE "{KEY}"=? AND "{VERSION}" < ?'
