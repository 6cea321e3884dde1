"""Request ids: the client's own if it is sane, else a random prefix of this process and a count."""

import re
from collections.abc import Callable
from itertools import count
from secrets import token_hex

from serve.limits import REQUEST_ID_CHARACTERS_MAX

_SANE = re.compile(rb"[!-~]{1,%d}" % REQUEST_ID_CHARACTERS_MAX)


def clients_request_id(headers: dict[bytes, bytes]) -> str:
    """Return the id that the client has given its request, or nothing."""
    for header in (b"request-id", b"x-request-id"):
        given = headers.get(header)
        if given is not None and _SANE.fullmatch(given):
            return given.decode()
    return ""


def new_request_ids() -> Callable[[], str]:
    """Return the function that makes ids for requests without one."""
    prefix = f"req_{token_hex(6)}"
    following = count(1).__next__
    return lambda: f"{prefix}{following():08x}"
