"""The items of a bulk request, each as JSON by itself, so that a bad one harms only itself."""

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw

from serve.limits import BATCH_ITEMS_MAX
from serve.wire.problems import Problem
from serve.wire.strict_json import Decoder, parse, scan, strings_in


@lru_cache(maxsize=8)
def _decoder(member: str) -> Decoder[Any]:
    """Return the decoder of `{member: [...]}` that does not look at the items yet."""
    return msgspec.json.Decoder(msgspec.defstruct("RawItems", [(member, list[Raw])], forbid_unknown_fields=True))


def items_of(data: bytes, member: str) -> list[bytes]:
    """Return the items in order. Raises Problem if the request as a whole cannot be read."""
    raws: list[Raw] = getattr(parse(_decoder(member), data), member)
    check_count(len(raws))
    items = [bytes(raw) for raw in raws]
    if strings_in(data) != 1 + sum(map(strings_in, items)):
        scan(data)
    return items


def check_count(count: int) -> None:
    """Raise Problem if these are too many items for one request."""
    if count > BATCH_ITEMS_MAX:
        raise Problem("batch_too_large", f"A batch holds at most {BATCH_ITEMS_MAX} items; this one has {count}.")
