"""How far a reader of the event log is: in every shard, the last record that it has read whole, and how much of the next.

A cursor is such a position as text that may stand in a URL: `1.`, a field for each shard, and a checksum. A field is the sequence of
the last whole record, in hexadecimal, and behind a `-` how many places of the next record's events have been passed. Fields are text
so that a stream, whose every event carries a cursor, changes one of them and joins the rest.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Self
from zlib import crc32

CURSOR_CHARACTERS_MAX = 8_000
LATEST = "latest"

_VERSION = "1"
_FIELD = re.compile(r"([0-9a-f]{1,16})(?:-([0-9a-f]{1,8}))?")
_NAME = re.compile(r"([0-9]{1,5}):([0-9]{1,19}):([0-9]{1,9})")

Place = tuple[int, int, int]
"""(shard, sequence, index): what an event's name says."""


class BadCursor(ValueError):
    """The text is no cursor of this ledger. The message says what is wrong with it."""


class Positions:
    """A position in every shard. `whole`: the last record that was read whole; `passed`: places of the next record's events."""

    __slots__ = ("_fields", "passed", "whole")

    def __init__(self, whole: Iterable[int], passed: Mapping[int, int] | None = None) -> None:
        """`whole` has one sequence for each shard; `passed` names the shards of which a part of the next record was read."""
        self.whole = list(whole)
        self.passed = dict(passed or {})
        self._fields = [self._field(shard) for shard in range(len(self.whole))]

    @classmethod
    def beginning(cls, shards: int) -> Self:
        """Return the position before all events."""
        return cls([0] * shards)

    @classmethod
    def read(cls, cursor: str, shards: int) -> Self:
        """Return the position that the cursor holds. Raises BadCursor."""
        content, _, checksum = cursor.rpartition(".")
        version, *fields = content.split(".")
        if len(cursor) > CURSOR_CHARACTERS_MAX or version != _VERSION or checksum != _checksum(content):
            raise BadCursor("it is not a cursor as this program gives them out")
        found = [_FIELD.fullmatch(field) for field in fields]
        if len(found) != shards or not all(found):
            raise BadCursor("it was given out by another ledger")
        parts = [match.groups() for match in found if match is not None]
        return cls(
            [int(whole, 16) for whole, _ in parts],
            {shard: int(passed, 16) for shard, (_, passed) in enumerate(parts) if passed is not None},
        )

    def cursor(self) -> str:
        """Return the position as text."""
        content = f"{_VERSION}.{'.'.join(self._fields)}"
        return f"{content}.{_checksum(content)}"

    def pass_record(self, shard: int, sequence: int) -> None:
        """Note that the shard was read up to this record's end."""
        self.whole[shard] = sequence
        self.passed.pop(shard, None)
        self._fields[shard] = f"{sequence:x}"

    def pass_until(self, shard: int, sequence: int, index: int) -> None:
        """Note that the shard was read up to right before this event, which may be one that the record does not have any more."""
        self.pass_record(shard, sequence - 1)
        if index:
            self.passed[shard] = index
            self._fields[shard] = f"{sequence - 1:x}-{index:x}"

    def is_behind(self, shard: int, sequence: int, index: int) -> bool:
        """Whether this event still lies ahead of the position."""
        whole = self.whole[shard]
        return sequence > whole + 1 or (sequence == whole + 1 and index >= self.passed.get(shard, 0))

    def copy(self) -> "Positions":
        """Return the same position, to be moved by itself."""
        return Positions(self.whole, self.passed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Positions) and (self.whole, self.passed) == (other.whole, other.passed)

    __hash__ = None  # type: ignore[assignment]

    def _field(self, shard: int) -> str:
        passed = self.passed.get(shard)
        return f"{self.whole[shard]:x}" if passed is None else f"{self.whole[shard]:x}-{passed:x}"


def parse_name(text: str) -> Place | None:
    """Return the place that an event's name says, or None if the text is no name."""
    match = _NAME.fullmatch(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match is not None else None


def _checksum(content: str) -> str:
    return f"{crc32(content.encode()):08x}"
