"""The SQL of this package: files of queries that each begin with a line `-- name: ...` and say what they are for."""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def load_queries(file_name: str) -> dict[str, str]:
    """Return the queries of one file under sql/ by name, without the comments above them."""
    text = (files(__package__) / "sql" / file_name).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {name: _without_description(query) for name, query in zip(parts[::2], parts[1::2], strict=True)}


def _without_description(query: str) -> str:
    lines = query.strip().splitlines()
    while lines[0].startswith("--"):
        del lines[0]
    return "\n".join(lines).removesuffix(";")
