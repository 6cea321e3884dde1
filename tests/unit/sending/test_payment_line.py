"""The local checks of one line."""

import msgspec
import pytest

from processor.sending.payment_file import BadRow, Row
from processor.sending.payment_line import PaymentLine, check_row

GOOD = ["key-1", "from-account", "to-account", "100", "EUR", "rent"]


def _with(index: int, text: str) -> Row:
    return Row(7, [text if place == index else cell for place, cell in enumerate(GOOD)])


def _body(row: Row) -> dict[str, object]:
    line = check_row(row)
    assert isinstance(line, PaymentLine)
    body: dict[str, object] = msgspec.json.decode(line.body)
    return body


def test_a_good_line_becomes_an_item_of_a_batch() -> None:
    assert _body(Row(7, GOOD)) == {
        "idempotency_key": "key-1",
        "from": "from-account",
        "to": "to-account",
        "amount": 100,
        "currency": "EUR",
        "reference": "rent",
    }


def test_an_empty_reference_is_left_out() -> None:
    assert "reference" not in _body(_with(5, ""))


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("1", 1),
        ("9007199254740991", 9007199254740991),
        ("9007199254740992", "9007199254740992"),
        ("9223372036854775807", "9223372036854775807"),
    ],
)
def test_amounts_above_what_json_integers_carry_are_sent_as_text(text: str, sent: int | str) -> None:
    assert _body(_with(3, text))["amount"] == sent


@pytest.mark.parametrize(
    ("index", "text", "reason"),
    [
        (0, "", "idempotency_key is empty"),
        (0, "k" * 256, "idempotency_key 'kkkk"),
        (0, "a b", "idempotency_key 'a b' is not"),
        (0, "ключ", "visible ASCII"),
        (1, "", "from '' is not an account id"),
        (1, "a/b", "from 'a/b' is not"),
        (2, "x" * 65, "to 'xxx"),
        *[
            (3, text, "is not a whole number")
            for text in ("", "0", "-1", "+1", "1.0", "1e3", "01", " 1", "1 ", "٣", "1_0", "9223372036854775808")
        ],
        (3, "9" * 5000, "is not a whole number"),
        (4, "eur", "three capital letters"),
        (4, "EURO", "three capital letters"),
        (5, "x" * 256, "reference has 256 characters"),
    ],
)
def test_a_bad_cell_is_named_in_one_short_line(index: int, text: str, reason: str) -> None:
    found = check_row(_with(index, text))
    assert isinstance(found, BadRow)
    assert found.number == 7
    assert reason in found.reason
    assert len(found.reason) < 200


def test_control_characters_are_not_printed_as_they_are() -> None:
    found = check_row(_with(4, "\x1b[2J\n"))
    assert isinstance(found, BadRow)
    assert found.reason.isprintable()
