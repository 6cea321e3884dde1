"""The body of a call to SNS, escaped quickly. SNS takes forms, and ours hold kilobytes of JSON: botocore's own way to escape them, which it
goes twice for every call, costs more than everything else that publishing an event does."""

import re
import string
from typing import Any
from urllib.parse import quote_plus

# All of ASCII that is escaped but control characters, which JSON has none of. The percent sign comes first, as the others bring more of
# it, and the plus sign before the space, which becomes one.
_ESCAPED = "%+ " + "".join(character for character in string.punctuation if character not in "%+_.-~")
_ESCAPES = [(character, quote_plus(character)) for character in _ESCAPED]
_is_plain = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
_is_escaped = re.compile(r"[A-Za-z0-9_.~%+-]*").fullmatch


def register(client: Any) -> None:
    """Let this client of SNS escape so when it publishes batches."""
    client.meta.events.register("before-call.sns.PublishBatch", _escape_body)


def _escape_body(params: dict[str, Any], **_: Any) -> None:
    body = params["body"]
    if isinstance(body, dict):
        params["body"] = form_of(body)


def form_of(members: dict[str, Any]) -> bytes:
    """Return what `urllib.parse.urlencode` makes of them."""
    return "&".join([f"{escaped(name)}={escaped(str(value))}" for name, value in members.items()]).encode("ascii")


def escaped(text: str) -> str:
    """Return what `urllib.parse.quote_plus` makes of the text."""
    if _is_plain(text):
        return text
    quick = text
    for character, escape in _ESCAPES:
        quick = quick.replace(character, escape)
    return quick if _is_escaped(quick) else quote_plus(text)
