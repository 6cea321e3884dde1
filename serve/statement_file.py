"""A statement as CSV (RFC 4180): a header, the opening balance, every line, the closing balance. Amounts in minor units."""

import csv
import io
from collections.abc import AsyncIterator, Iterable

from processor.core.ids import payment_id
from processor.wire_values import rfc3339
from serve.bodies.entries import statement_line
from serve.reads import Entry, StatementFile

COLUMNS = ("at", "payment_id", "kind", "direction", "amount", "balance_after", "sequence")


async def statement_chunks(statement: StatementFile, from_at: int, to_at: int) -> AsyncIterator[bytes]:
    """Yield the file in pieces as they are read. Raises LedgerError, also on the way."""
    yield _rows([COLUMNS, _balance(from_at, "opening_balance", statement.opening)])
    async for entries in statement.pages:
        yield _rows(_line(entry) for entry in entries)
    yield _rows([_balance(to_at, "closing_balance", statement.closing)])


def _line(entry: Entry) -> tuple[str | int, ...]:
    line = statement_line(entry)
    return line.at, payment_id(*entry.payment), line.kind, line.direction, line.amount, line.balance_after, line.sequence


def _balance(at: int, kind: str, balance: int) -> tuple[str | int, ...]:
    return rfc3339(at), "", kind, "", "", balance, ""


def _rows(rows: Iterable[tuple[str | int, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
