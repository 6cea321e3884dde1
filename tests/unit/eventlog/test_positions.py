"""Cursors of the event log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.eventlog.positions import CURSOR_CHARACTERS_MAX, BadCursor, Positions, parse_name

SHARDS = 3
SEQUENCES = st.lists(st.integers(0, 2**63 - 1), min_size=SHARDS, max_size=SHARDS)
PASSED = st.dictionaries(st.integers(0, SHARDS - 1), st.integers(1, 2**20))


@given(SEQUENCES, PASSED)
def test_a_cursor_leads_back_to_its_position(whole: list[int], passed: dict[int, int]) -> None:
    positions = Positions(whole, passed)
    cursor = positions.cursor()
    assert Positions.read(cursor, SHARDS) == positions
    assert all(character.isalnum() or character in ".-" for character in cursor), "it may stand in a URL as it is"


def test_a_position_moves_event_by_event_and_its_cursor_with_it() -> None:
    positions = Positions.beginning(SHARDS)
    positions.pass_record(1, 4)
    positions.pass_until(1, 5, 2)
    assert [positions.is_behind(1, sequence, index) for sequence, index in ((4, 9), (5, 0), (5, 1), (5, 2), (6, 0))] == [
        False, False, False, True, True,
    ]  # fmt: skip
    assert Positions.read(positions.cursor(), SHARDS) == positions
    assert positions.is_behind(0, 1, 0)
    positions.pass_record(1, 5)
    assert positions == Positions([0, 5, 0])
    assert positions.cursor() == Positions([0, 5, 0]).cursor()


def test_the_position_before_a_records_first_event_is_that_behind_the_record_before() -> None:
    positions = Positions.beginning(SHARDS)
    positions.pass_until(2, 7, 0)
    assert positions == Positions([0, 0, 6])


def test_a_copy_moves_by_itself() -> None:
    positions = Positions([1, 2, 3], {1: 4})
    positions.copy().pass_record(1, 9)
    assert positions == Positions([1, 2, 3], {1: 4})


CURSOR = Positions([1, 2, 3]).cursor()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        CURSOR[:-1],
        CURSOR.replace("2", "3", 1),
        f"2{CURSOR[1:]}",
        CURSOR + "\n",
        Positions([1, 2]).cursor(),
        "1." * 5_000,
    ],
)
def test_what_was_not_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        Positions.read(cursor, SHARDS)


def test_a_cursor_of_the_largest_ledger_fits_into_a_url() -> None:
    assert len(Positions([10**6] * 1024).cursor()) < CURSOR_CHARACTERS_MAX


def test_an_events_name_says_its_place() -> None:
    assert parse_name("3:1042:0") == (3, 1042, 0)
    for text in ("3:1042", "3:1042:0:", "a:1:1", "3:1042:-1", "", "3:1042:0\n", "٣:1:1"):
        assert parse_name(text) is None
