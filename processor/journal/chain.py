"""Checking what a journal has stored: each record fits its place, its checksum, and the record before it."""

from processor.journal.interface import JournalCorrupt
from processor.journal.record import NO_HASH, BadFrame, Record, parse_frame


def check_stored(shard: int, sequence: int, stored_hash: bytes, frame: bytes) -> Record:
    """Return the record that is stored at this place with this hash. Raises JournalCorrupt."""
    try:
        record = parse_frame(frame)
    except BadFrame as error:
        raise JournalCorrupt(f"shard {shard}, sequence {sequence}: {error}") from error
    if (record.shard, record.sequence) != (shard, sequence):
        raise JournalCorrupt(f"shard {shard}, sequence {sequence}: holds the record of shard {record.shard}, {record.sequence}")
    if record.hash() != stored_hash:
        raise JournalCorrupt(f"shard {shard}, sequence {sequence}: the frame does not have the hash that is stored beside it")
    return record


class Chain:
    """Checks one shard's records in the order in which they are read."""

    def __init__(self, shard: int, after: int) -> None:
        """Expect the record after `after` first. Its predecessor's hash is known, and so is checked, only if `after` is 0."""
        self._shard = shard
        self._sequence = after
        self._epoch = 0
        self._hash = NO_HASH if after == 0 else None

    def check(self, sequence: int, stored_hash: bytes, frame: bytes) -> Record:
        """Return the next record. Raises JournalCorrupt if it is not the one that must follow."""
        record = check_stored(self._shard, sequence, stored_hash, frame)
        self.follow(record)
        return record

    def follow(self, record: Record) -> None:
        """Take in a record that was checked by itself. Raises JournalCorrupt if it is not the one that must follow."""
        sequence = record.sequence
        place = f"shard {self._shard}, sequence {sequence}"
        if sequence != self._sequence + 1:
            raise JournalCorrupt(f"{place}: sequence {self._sequence + 1} is missing before it")
        if self._hash is not None and record.previous_hash != self._hash:
            raise JournalCorrupt(f"{place}: it does not carry the hash of the record before it")
        if record.epoch < self._epoch:
            raise JournalCorrupt(f"{place}: epoch {record.epoch} comes after epoch {self._epoch}")
        self._sequence, self._epoch, self._hash = sequence, record.epoch, record.hash()
