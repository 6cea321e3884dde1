"""How a connection proves who it is: by the password in the URL, or by a token that AWS IAM signs.

A token is a request to RDS that is signed and never sent: making one needs credentials and no network. RDS takes it for fifteen minutes as
the password of a user that has the role `rds_iam`, and over TLS alone. Connections that are open stay open after that.

The region in the URL (`iam_region`, put there by the settings) says that tokens are wanted, so that whoever has the URL can connect.
"""

import asyncio
from collections.abc import Awaitable, Callable
from threading import Lock
from time import monotonic
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from processor.database_url import IAM_REGION

TOKEN_SECONDS: Final = 300.0
"""How long a token is used again. Well under its fifteen minutes, because it ends with the credentials that signed it, and these may have
only ten left."""
_PORT = 5432


class NoToken(OSError):
    """No token could be made now: there are no credentials, or their source does not answer. It is tried again like a lost server."""


Sign = Callable[[str, int, str, str], str]
"""From host, port, user and region to a token. Raises NoToken."""


class Tokens:
    """Tokens of this process, each used for a while. May be asked by several threads."""

    def __init__(self, sign: Sign, clock: Callable[[], float] = monotonic) -> None:
        """`clock`: in seconds, from anywhere."""
        self._sign = sign
        self._clock = clock
        self._made: dict[tuple[str, int, str, str], tuple[float, str]] = {}
        self._turn = Lock()

    def token(self, host: str, port: int, user: str, region: str) -> str:
        """Return a token that is good for at least as long as it takes to connect. Raises NoToken."""
        place = (host, port, user, region)
        with self._turn:
            made_at, token = self._made.get(place, (0.0, ""))
            if not token or self._clock() - made_at >= TOKEN_SECONDS:
                token = self._sign(*place)
                self._made[place] = (self._clock(), token)
            return token


def signed_by_boto3(host: str, port: int, user: str, region: str) -> str:
    """Return a token signed with the credentials that boto3 finds. Raises NoToken."""
    # Only here: it takes a tenth of a second, and most installations log in with a password.
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        client = boto3.Session(region_name=region).client("rds")
        token: str = client.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user, Region=region)
    except BotoCoreError as error:
        raise NoToken(f"no token for the database could be signed: {error}") from error
    return token


_TOKENS = Tokens(signed_by_boto3)


def login(dsn: str, tokens: Tokens | None = None) -> dict[str, Any]:
    """Return what asyncpg's `connect` and `create_pool` have to be told about the server and ourselves.

    Each connection asks for its own password, so one that is made a day later has a token of then.
    """
    if IAM_REGION not in dsn:
        return {"dsn": dsn}
    parts = urlsplit(dsn)  # As `with_iam` has made it.
    query = parse_qsl(parts.query, keep_blank_values=True)
    host, port, user, region = parts.hostname or "", parts.port or _PORT, parts.username or "", dict(query)[IAM_REGION]
    kept = urlencode([(name, value) for name, value in query if name != IAM_REGION], safe="/")
    known = tokens or _TOKENS

    def password() -> Awaitable[str]:
        # In a thread: where credentials come from may take a while to answer.
        return asyncio.to_thread(known.token, host, port, user, region)

    return {"dsn": urlunsplit(parts._replace(query=kept)), "password": password}
