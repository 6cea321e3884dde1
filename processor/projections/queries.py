"""The SQL of this package: files of queries that each begin with a line `-- name: ...` and say what they are for."""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def load_queries(file_name: str) -> dict[str, str]:
    """Return the queries of one file under sql/ by name, with the comments that say what they are for."""
    text = (files(__package__) / "sql" / file_name).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {name: query.strip().removesuffix(";") for name, query in zip(parts[::2], parts[1::2], strict=True)}
