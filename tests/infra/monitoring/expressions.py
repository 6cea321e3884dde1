"""What expressions of Prometheus name, found without understanding them."""

import re

_TEXTS = re.compile(r"'[^']*'|\"[^\"]*\"")
_BRACES = re.compile(r"\{[^}]*\}")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_RANGES = re.compile(r"\[[^\]]*\]")
_NAMES = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


def metrics_of(expression: str) -> set[str]:
    """Return the names of all series that an expression reads. Functions are told from them by what follows: a bracket."""
    bare = _RANGES.sub("", _GROUPING.sub("", _BRACES.sub("", _TEXTS.sub("", expression))))
    return {
        found.group()
        for found in _NAMES.finditer(bare)
        if not bare[found.end() :].lstrip().startswith("(")
        and found.group().lower() not in _WORDS
        and not re.search(r"[0-9.]$", bare[: found.start()])  # an exponent, or a duration's unit
    }
