"""A CSV file of payments, read row by row in bounded memory; a damaged row never spoils the ones after it."""

import csv
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

REQUIRED_COLUMNS = ("idempotency_key", "from", "to", "amount", "currency")
COLUMNS = (*REQUIRED_COLUMNS, "reference")
MAXIMUM_LINE_BYTES = 64 * 1024
MAXIMUM_ROW_LINES = 16
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OPEN_QUOTE = "has a quoted field that does not end"


class BadFile(Exception):
    """Nothing of the file can be used. The message is one line that says what to change."""


class BadRow(msgspec.Struct, frozen=True, gc=False):
    """A row that was not sent: the number of its line in the file, and why."""

    number: int
    reason: str


class Row(msgspec.Struct, frozen=True, gc=False):
    """The cells of one row, in the order of COLUMNS (`reference` is empty if the file has no such column)."""

    number: int
    cells: list[str]


class PaymentFile:
    """Yields the rows of a CSV file: UTF-8 with or without a byte order mark, any line ends, quoted fields.

    A quoted field may hold line breaks, within a row of at most 16 lines; a line has at most 64 KiB. Empty lines are passed over.
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Read the header line. Raises BadFile."""
        self.bytes_read = 0
        self._stream = stream
        self._number = 0
        self._ahead: deque[tuple[int, bytes]] = deque()
        self._order, self._width = self._read_header()

    def __iter__(self) -> Iterator[Row | BadRow]:
        while (line := self._next_line()) is not None:
            number, data = line
            if data.strip():
                yield self._row(number, data)

    def _read_header(self) -> tuple[list[int | None], int]:
        line = self._next_line()
        if line is None:
            raise BadFile(f"it is empty; its first line must be {','.join(COLUMNS)}")
        cells = _cells([line[1].removeprefix(_BYTE_ORDER_MARK)])
        if isinstance(cells, str):
            raise BadFile(f"its first line {cells}; it must be {','.join(COLUMNS)}")
        for problem, names in (
            ("has no column", [name for name in REQUIRED_COLUMNS if name not in cells]),
            ("has the unknown column", [repr(name) for name in cells if name not in COLUMNS]),
            ("has more than once the column", sorted({name for name in cells if cells.count(name) > 1})),
        ):
            if names:
                raise BadFile(f"its first line {problem} {', '.join(names)[:200]}; it must be {','.join(COLUMNS)}")
        return [cells.index(name) if name in cells else None for name in COLUMNS], len(cells)

    def _row(self, number: int, data: bytes) -> Row | BadRow:
        cells = _cells([data])
        if cells == _OPEN_QUOTE:
            cells = self._longer_row(data)
        if isinstance(cells, str):
            return BadRow(number, cells)
        if len(cells) != self._width:
            return BadRow(number, f"has {len(cells)} columns where the first line has {self._width}")
        return Row(number, ["" if index is None else cells[index] for index in self._order])

    def _longer_row(self, data: bytes) -> list[str] | str:
        """Add the lines that follow until the quoted field ends; if that makes no row, leave them to be rows of their own."""
        taken: list[tuple[int, bytes]] = []
        while len(taken) < MAXIMUM_ROW_LINES - 1 and (line := self._next_line()) is not None:
            taken.append(line)
            cells = _cells([data, *(more for _, more in taken)])
            if cells != _OPEN_QUOTE:
                if not isinstance(cells, str) and len(cells) == self._width:
                    return cells
                break
        self._ahead.extendleft(reversed(taken))
        return _OPEN_QUOTE

    def _next_line(self) -> tuple[int, bytes] | None:
        if self._ahead:
            return self._ahead.popleft()
        data = self._stream.readline(MAXIMUM_LINE_BYTES + 1)
        if not data:
            return None
        self._number += 1
        self.bytes_read += len(data)
        if len(data) > MAXIMUM_LINE_BYTES:
            rest = data
            while rest and not rest.endswith(b"\n"):
                rest = self._stream.readline(MAXIMUM_LINE_BYTES)
                self.bytes_read += len(rest)
        return self._number, data


def _cells(lines: list[bytes]) -> list[str] | str:
    """Return the cells of the row in these lines, or what is wrong with it."""
    if max(map(len, lines)) > MAXIMUM_LINE_BYTES:
        return f"is longer than {MAXIMUM_LINE_BYTES} bytes"
    try:
        text = [line.decode() for line in lines]
    except UnicodeDecodeError:
        return "is not UTF-8"
    if len(text) == 1 and '"' not in text[0]:
        return text[0].rstrip("\r\n").split(",")
    try:
        return next(csv.reader(text, strict=True))
    except csv.Error as error:
        # The module tells its errors apart by their text alone.
        return _OPEN_QUOTE if str(error) == "unexpected end of data" else f"is not valid CSV: {error}"
