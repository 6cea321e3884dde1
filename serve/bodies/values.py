"""The values that several bodies share: ids, money, metadata, positions in the journal."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from processor.wire_values import SAFE_INTEGER_MAX
from serve.limits import (
    ACCOUNT_ID_CHARACTERS_MAX,
    AMOUNT_MAX,
    METADATA_KEY_CHARACTERS_MAX,
    METADATA_MEMBERS_MAX,
    METADATA_VALUE_CHARACTERS_MAX,
)
from serve.payments.currencies import MINOR_UNIT_DIGITS

# `$` also matches before a final newline in Python, hence `(?!\n)`: the same in Python and in a client's JavaScript.
_ACCOUNT_ID = rf"^[A-Za-z0-9_.:-]{{1,{ACCOUNT_ID_CHARACTERS_MAX}}}(?!\n)$"

AccountId = Annotated[
    str,
    Meta(pattern=_ACCOUNT_ID, description="1 to 64 of the characters A-Z a-z 0-9 _ . : -", examples=["acc_alice"]),
]
Amount = (
    Annotated[int, Meta(ge=1, le=SAFE_INTEGER_MAX)]
    | Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}(?!\n)$", description="Decimal, at most 9223372036854775807")]
)
Share = (
    Annotated[int, Meta(ge=0, le=SAFE_INTEGER_MAX)]
    | Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,18})(?!\n)$", description="Decimal, at most 9223372036854775807")]
)
Bound = (
    Annotated[int, Meta(ge=-SAFE_INTEGER_MAX, le=SAFE_INTEGER_MAX)]
    | Annotated[str, Meta(pattern=r"^(0|-?[1-9][0-9]{0,18})(?!\n)$", description="Decimal, to 9223372036854775807")]
)
CurrencyCode = Annotated[
    str,
    Meta(description="ISO 4217, upper case", extra_json_schema={"enum": sorted(MINOR_UNIT_DIGITS), "example": "EUR"}),
]
Metadata = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=METADATA_KEY_CHARACTERS_MAX)],
        Annotated[str, Meta(max_length=METADATA_VALUE_CHARACTERS_MAX)],
    ],
    Meta(max_length=METADATA_MEMBERS_MAX, description="Your own facts: at most 50, names to 64 characters, values to 500"),
]
Money = int | Annotated[str, Meta(description="Decimal; used for values beyond 9007199254740991")]
Time = Annotated[str, Meta(description="RFC 3339, UTC, microseconds", extra_json_schema={"format": "date-time"})]


class AsOf(msgspec.Struct, frozen=True, gc=False):
    """A position in the journal: the record `sequence` of `shard`."""

    shard: int
    sequence: int


def whole(value: int | str) -> int | None:
    """Return a decoded Amount or Bound as a number, or None if it is beyond 64 bits."""
    number = int(value)
    return number if -AMOUNT_MAX <= number <= AMOUNT_MAX else None


is_account_id = re.compile(_ACCOUNT_ID).match
"""Truthy for text that can be an account's id."""
