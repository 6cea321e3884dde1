"""`If-Match` and `ETag`: the version of an account, as a quoted number."""

import re

from serve.wire.answer import Header
from serve.wire.problems import Problem

_VERSION = re.compile(rb'"(0|[1-9][0-9]{0,17})"')


def version_of(headers: dict[bytes, bytes]) -> int | None:
    """Return the version that `If-Match` names, or None without one. Raises Problem."""
    given = headers.get(b"if-match")
    if given is None:
        return None
    match = _VERSION.fullmatch(given)
    if match is None:
        raise Problem("invalid_header", 'Send If-Match as an account\'s ETag gives it: its version in quotes, such as "7".')
    return int(match[1])


def etag(version: int) -> Header:
    """Return the ETag header of this version."""
    return b"etag", b'"%d"' % version
