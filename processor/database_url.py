"""The URL of the database as it travels through the program: PostgreSQL's own, and in it how to log in."""

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

IAM_REGION: Final = "iam_region"
"""The parameter that asks for tokens of this region in place of a password. Not sent to the server."""


def with_iam(dsn: str, region: str) -> str:
    """Return the URL with which connections log in by IAM. Raises ValueError, which says what is wrong without quoting the URL."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.password is not None:
        raise ValueError("it has a password, although database_auth is iam: leave the password out")
    if not parts.username:
        raise ValueError("it names no user, which database_auth = iam needs")
    if query.get("sslmode") != "verify-full":
        raise ValueError("it lacks sslmode=verify-full, without which database_auth = iam would show tokens to anybody")
    return urlunsplit(parts._replace(query=urlencode({**query, IAM_REGION: query.get(IAM_REGION, region)}, safe="/")))
