"""Reading CSV files of payments, the damaged ones too."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.sending.payment_file import COLUMNS, MAXIMUM_LINE_BYTES, BadFile, BadRow, PaymentFile, Row

HEADER = b"idempotency_key,from,to,amount,currency,reference\n"


def _rows(data: bytes) -> list[Row | BadRow]:
    return list(PaymentFile(io.BytesIO(data)))


def _good(number: int, key: str, reference: str = "") -> Row:
    return Row(number, [key, "a", "b", "1", "EUR", reference])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"", b"\n", b"\r\n"])
def test_byte_order_mark_line_ends_and_missing_last_line_end_do_not_matter(mark: bytes, end: bytes, last: bytes) -> None:
    data = mark + HEADER.strip() + end + b"k1,a,b,1,EUR,x" + end + b"k2,a,b,1,EUR," + last
    assert _rows(data) == [_good(2, "k1", "x"), _good(3, "k2")]


def test_columns_may_come_in_any_order_and_without_reference() -> None:
    assert _rows(b"to,amount,idempotency_key,currency,from\nb,1,k1,EUR,a\n") == [_good(2, "k1")]


def test_quoted_fields_may_hold_commas_quotes_and_line_breaks() -> None:
    data = HEADER + b'"k1",a,b,"1",EUR,"one, ""two""\r\nthree"\nk2,a,b,1,EUR,\n'
    assert _rows(data) == [_good(2, "k1", 'one, "two"\r\nthree'), _good(4, "k2")]


def test_empty_lines_are_passed_over_and_counted_in_line_numbers() -> None:
    assert _rows(HEADER + b"\n\r\n  \nk1,a,b,1,EUR,\n") == [_good(5, "k1")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"k1,a,b,1,EUR", "has 5 columns where the first line has 6"),
        (b"k1,a,b,1,EUR,x,y", "has 7 columns where the first line has 6"),
        (b"k\xff,a,b,1,EUR,x", "is not UTF-8"),
        (b'k1,a,b,1,EUR,"x', "has a quoted field that does not end"),
        (b'"k1,a,b,1,EUR,x', "has a quoted field that does not end"),
        (b'"k"1,a,b,1,EUR,x', "is not valid CSV: ',' expected after '\"'"),
        (b"k1,a,b,1,EUR," + b"x" * MAXIMUM_LINE_BYTES, "is longer than 65536 bytes"),
        (b"x" * 10 * MAXIMUM_LINE_BYTES, "is longer than 65536 bytes"),
    ],
)
@pytest.mark.parametrize("following", [b"k2,a,b,1,EUR,", b'"k2","a","b","1","EUR",""'])
def test_a_damaged_line_spoils_no_other(line: bytes, reason: str, following: bytes) -> None:
    lines = [b"k0,a,b,1,EUR,", line, following, *[b"k3,a,b,1,EUR,"] * 30]
    rows = _rows(HEADER + b"\n".join(lines))
    assert rows == [_good(2, "k0"), BadRow(3, reason), _good(4, "k2"), *(_good(number, "k3") for number in range(5, 35))]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"k1,a,b,1,EUR,x\n", "has no column idempotency_key, from, to, amount, currency"),
        (b"idempotency_key,from,to,currency\n", "has no column amount"),
        (b"idempotency_key;from;to;amount;currency\n", "has no column"),
        (b"idempotency_key,from,to,amount,currency,memo\n", "has the unknown column 'memo'"),
        (b"idempotency_key,from,to,amount,currency,to\n", "has more than once the column to"),
        (HEADER.decode().encode("utf-16"), "is not UTF-8"),
        (b'"idempotency_key,from\n', "has a quoted field that does not end"),
        (b"x" * 100_000, "is longer than 65536 bytes"),
    ],
)
def test_a_file_with_another_first_line_is_refused_in_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(BadFile) as failure:
        PaymentFile(io.BytesIO(data))
    message = str(failure.value)
    assert reason in message
    assert "idempotency_key,from,to,amount,currency,reference" in message
    assert "\n" not in message
    assert len(message) < 400


# Without \r, which Python's csv writer leaves unquoted when lines end with \n.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20)


@given(st.lists(st.lists(TEXT, min_size=6, max_size=6), max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_the_csv_module_writes_is_read_back(rows: list[list[str]], line_end: str, quote_all: bool) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator=line_end, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    # Above 15 line breaks a row is damaged by definition.
    rows = [[cell if cell.count("\n") <= 2 else "cut" for cell in row] for row in rows]
    writer.writerows([COLUMNS, *rows])
    read = _rows(written.getvalue().encode())
    assert [row.cells for row in read if isinstance(row, Row)] == rows


@given(st.binary(max_size=500))
def test_no_bytes_bring_it_down(data: bytes) -> None:
    file = PaymentFile(io.BytesIO(HEADER + data))
    for row in file:
        assert 2 <= row.number <= data.count(b"\n") + 2
    assert file.bytes_read == len(HEADER + data)
