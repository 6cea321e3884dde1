"""JSON read strictly: what msgspec refuses, and also duplicate members and NUL characters.

msgspec keeps the last of two members with the same name. To see duplicates without a second parse the caller says how many
strings (member names and values) the decoded body stands for; a body with more quotation marks than that is looked at again,
slowly. As unknown members are refused, a dropped duplicate always leaves such a surplus.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec

from serve.wire.problems import Problem, field_problem

Body = TypeVar("Body")
Body_co = TypeVar("Body_co", covariant=True)

_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_PLACE = re.compile(r" - at (?:`key` in )?`\$([^`]*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
AMOUNT_RULE = (
    "must be a whole number of minor units, as a JSON integer up to 9007199254740991 or a decimal string up to "
    "9223372036854775807; a payment's amount is at least 1"
)
_AMOUNTS = ("amount", "min_balance", "max_balance", "gte", "gt", "lte", "lt", "eq")
_MEMBER = re.compile(r"^Object (?:contains unknown|missing required) field `(.*)`$", re.DOTALL)


class Decoder(Protocol[Body_co]):
    """A msgspec decoder of one type."""

    def decode(self, data: bytes, /) -> Body_co: ...


def decode(decoder: Decoder[Body], data: bytes, strings: Callable[[Body], int] | None = None) -> Body:
    """Return the decoded body. `strings` counts the strings that it was made of; without it every body is looked at twice.

    Raises Problem: `invalid_json`, or what is wrong with a member.
    """
    body = parse(decoder, data)
    if strings is None or strings_in(data) != strings(body) or has_nul(data):
        scan(data)
    return body


def parse(decoder: Decoder[Body], data: bytes) -> Body:
    """Return the decoded body without looking for duplicates and NUL characters. Raises Problem."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        scan(data)
        raise member_problem(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(error) from None


def scan(data: bytes) -> None:
    """Raise Problem `invalid_json` if the data is not JSON, nests too deeply, or holds duplicate members or NUL characters."""
    try:
        json.loads(data.decode(), object_pairs_hook=_refuse_duplicates, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise _not_json(error) from None
    if has_nul(data):
        raise Problem("invalid_json", "A string holds the NUL character (\\u0000), which cannot be stored.")


def has_nul(data: bytes) -> bool:
    """Return whether a string holds an escaped NUL. A bare one is not JSON."""
    return b"\\u0000" in data and b"\\u0000" in data.replace(b"\\\\", b"")


def strings_in(data: bytes) -> int:
    """Return how many strings, names and values, the JSON text holds."""
    return (_ESCAPE.sub(b"", data) if b"\\" in data else data).count(b'"') >> 1


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the member {json.dumps(name[:80])} is given twice in one object")
            seen.add(name)
    return members


def _not_json(error: Exception) -> Problem:
    if isinstance(error, RecursionError):
        return Problem("invalid_json", "The body nests too deeply.")
    if isinstance(error, UnicodeDecodeError):
        return Problem("invalid_json", "The body is not valid UTF-8.")
    return Problem("invalid_json", f"The body is not strict JSON: {error}."[:300])


def member_problem(message: str) -> Problem:
    """Return the problem that msgspec's validation error describes."""
    place = _PLACE.search(message)
    text = message[: place.start()] if place else message
    steps = [name or index for name, index in _STEP.findall(place[1].replace("[...]", ""))] if place else []
    member = _MEMBER.match(text)
    if member:
        steps.append(member[1][:80].replace("~", "~0").replace("/", "~1"))
        text = "there is no such member" if "unknown" in text[:24] else "this member is required"
        return field_problem("invalid_body", _pointer(steps), text)
    if steps and (steps[-1] in _AMOUNTS or (steps[-2:-1] == ["legs"] and "`object`" not in text)):
        return field_problem("invalid_amount", _pointer(steps), AMOUNT_RULE)
    return field_problem("invalid_body", _pointer(steps), text[:1].lower() + text[1:])


def _pointer(steps: list[str]) -> str:
    return "".join(f"/{step}" for step in steps)
