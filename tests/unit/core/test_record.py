"""A record's frame gives back what was put in, or says that it is damaged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.journal.record import HEADER_BYTES, BadFrame, Record, frame_hash, parse_frame

RECORD = Record(3, 7, 12, 1_700_000_000_000_000, bytes(range(32)), b"\x93 some events of a payment")


@given(
    st.builds(
        Record,
        st.integers(0, 2**32 - 1),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
        st.binary(min_size=32, max_size=32),
        st.binary(max_size=200),
    )
)
def test_a_frame_gives_back_the_record(record: Record) -> None:
    parsed = parse_frame(record.frame())
    assert (parsed.shard, parsed.epoch, parsed.sequence, parsed.at) == (record.shard, record.epoch, record.sequence, record.at)
    assert (parsed.previous_hash, parsed.payload) == (record.previous_hash, record.payload)
    assert parsed.hash() == record.hash() == frame_hash(record.frame())


def test_every_change_of_a_single_byte_is_found() -> None:
    frame = RECORD.frame()
    for position in range(len(frame)):
        for change in range(1, 256):
            damaged = bytearray(frame)
            damaged[position] ^= change
            with pytest.raises(BadFrame):
                parse_frame(bytes(damaged))


def test_every_shortened_frame_is_found() -> None:
    frame = RECORD.frame()
    for length in range(len(frame)):
        with pytest.raises(BadFrame):
            parse_frame(frame[:length])


def test_bytes_after_the_end_are_found() -> None:
    with pytest.raises(BadFrame, match="where the header says"):
        parse_frame(RECORD.frame() + b"\0")


def test_an_unknown_format_version_is_named() -> None:
    frame = bytearray(RECORD.frame())
    frame[2] = 9
    with pytest.raises(BadFrame, match="format version 9"):
        parse_frame(bytes(frame))


def test_the_header_has_the_documented_size() -> None:
    assert HEADER_BYTES == 2 + 1 + 1 + 4 + 8 + 8 + 8 + 32 + 4 + 4
