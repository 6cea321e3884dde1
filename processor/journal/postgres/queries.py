"""SQL in files of its own, under sql/ of the package that uses it.

Each query begins with a line `-- name: ...` and says what it is for.
"""

import re
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def load_queries(file_name: str, package: str = __package__) -> dict[str, str]:
    """Return the queries of one file under the package's sql/ by name, without the comments above them."""
    text = (files(package) / "sql" / file_name).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {name: _without_description(query) for name, query in zip(parts[::2], parts[1::2], strict=True)}


def _without_description(query: str) -> str:
    lines = query.strip().splitlines()
    while lines[0].startswith("--"):
        del lines[0]
    return "\n".join(lines).removesuffix(";")
