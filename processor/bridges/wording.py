"""What is said of failures, in words that fit into one line and into a column of text."""

CHARACTERS_MAX = 2_000


def describe(error: Exception) -> str:
    """Return a mistake in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def storable(text: str) -> str:
    """Return the text without what PostgreSQL's text cannot hold (NUL, halves of surrogate pairs), and not too long."""
    return text[:CHARACTERS_MAX].replace("\0", "").encode(errors="replace").decode()
