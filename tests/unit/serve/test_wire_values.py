"""Times, currencies and the digits of a minor unit."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor.wire_values import parse_rfc3339, rfc3339
from serve.payments.currencies import MINOR_UNIT_DIGITS

LATEST = 253_402_300_799_999_999


@settings(deadline=None)
@given(st.integers(0, LATEST))
def test_a_time_is_read_back_as_it_was_written(at: int) -> None:
    text = rfc3339(at)
    assert parse_rfc3339(text) == at
    assert len(text) == 27 and text.endswith("Z")
    assert datetime.fromisoformat(text) == datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000)


def test_an_offset_is_taken_into_account() -> None:
    assert parse_rfc3339("2026-01-01T01:00:00.5+01:00") == parse_rfc3339("2026-01-01T00:00:00.500000Z")


@pytest.mark.parametrize("text", ["", "2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "0", "now"])
def test_what_is_no_time_with_a_zone_is_not_read(text: str) -> None:
    assert parse_rfc3339(text) is None


def test_currencies_are_those_with_a_minor_unit() -> None:
    assert {code: MINOR_UNIT_DIGITS[code] for code in ("EUR", "JPY", "KWD", "CLF")} == {"EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4}
    assert not {"XAU", "XTS", "XXX", "eur", "DEM"} & MINOR_UNIT_DIGITS.keys()
    assert len(MINOR_UNIT_DIGITS) > 150
