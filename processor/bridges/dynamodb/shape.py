"""Whether a table that was found is the one that is needed."""

from typing import Any

from processor.aws.resources import Table


def differences(table: Table, found: dict[str, Any]) -> list[str]:
    """Return what an operator has to change in the table that DescribeTable has found; nothing if it can be used."""
    problems = []
    if found["TableStatus"] not in ("ACTIVE", "UPDATING"):
        problems.append(f"it is {found['TableStatus'].lower()}")
    if _keys(found) != [table.hash_key]:
        problems.append(f"its key is {', '.join(_keys(found))} and not {table.hash_key}: name another table, or remove this one")
    indexes = {index["IndexName"]: index for index in found.get("GlobalSecondaryIndexes", [])}
    for index in table.indexes:
        keys = [key for key in (index.hash_key, index.range_key) if key is not None]
        if index.name not in indexes:
            problems.append(f"it lacks the index {index.name} on {' and '.join(keys)}: add it")
        elif _keys(indexes[index.name]) != keys:
            problems.append(f"its index {index.name} is not on {' and '.join(keys)}: make it anew")
    return problems


def _keys(found: dict[str, Any]) -> list[str]:
    return [key["AttributeName"] for key in sorted(found["KeySchema"], key=lambda key: str(key["KeyType"]))]
