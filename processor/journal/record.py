"""The frame around what one commit appends to one shard's journal.

Layout, little-endian: magic `PJ`, format version (1 byte), flags (1 byte, zero), shard (4), epoch (8), sequence (8), time in
microseconds (8), hash of the previous record's frame (32), payload length (4), CRC-32 of everything else (4), payload.
The payload is a MessagePack array of events. A record's hash is the SHA-256 of its whole frame, so each record vouches for
all before it.
"""

from hashlib import sha256
from struct import Struct
from zlib import crc32

import msgspec

FORMAT_VERSION = 1
NO_HASH = bytes(32)
_HEADER = Struct("<2sBBIQQQ32sI")
_CHECKSUM = Struct("<I")
_MAGIC = b"PJ"
HEADER_BYTES = _HEADER.size + _CHECKSUM.size


class BadFrame(Exception):
    """The bytes are not a whole, unchanged frame of a known version. The message says what is wrong."""


class Record(msgspec.Struct, gc=False):
    """One record of one shard's stream. `at` is in microseconds since 1970.

    The frame and the hash are made once, when first asked for.
    """

    shard: int
    epoch: int
    sequence: int
    at: int
    previous_hash: bytes
    payload: bytes
    _frame: bytes | None = None
    _hash: bytes | None = None

    def frame(self) -> bytes:
        """Return the record as it is stored."""
        if self._frame is None:
            header = _HEADER.pack(
                _MAGIC, FORMAT_VERSION, 0, self.shard, self.epoch, self.sequence, self.at, self.previous_hash, len(self.payload)
            )
            self._frame = b"".join((header, _CHECKSUM.pack(crc32(self.payload, crc32(header))), self.payload))
        return self._frame

    def hash(self) -> bytes:
        """Return the 32-byte hash that the next record will carry."""
        if self._hash is None:
            self._hash = frame_hash(self.frame())
        return self._hash


def frame_hash(frame: bytes) -> bytes:
    """Return the 32-byte hash that the next record will carry."""
    return sha256(frame).digest()


def parse_frame(frame: bytes) -> Record:
    """Return the record in the frame. Raises BadFrame."""
    if len(frame) < HEADER_BYTES:
        raise BadFrame(f"{len(frame)} bytes are too few for a record's header of {HEADER_BYTES}")
    magic, version, flags, shard, epoch, sequence, at, previous_hash, length = _HEADER.unpack_from(frame)
    if magic != _MAGIC:
        raise BadFrame("it does not begin as a record does")
    if version != FORMAT_VERSION or flags:
        raise BadFrame(f"format version {version} with flags {flags} is not known to this program")
    payload = frame[HEADER_BYTES:]
    if len(payload) != length:
        raise BadFrame(f"the payload has {len(payload)} bytes where the header says {length}")
    (checksum,) = _CHECKSUM.unpack_from(frame, _HEADER.size)
    if checksum != crc32(payload, crc32(frame[: _HEADER.size])):
        raise BadFrame("its checksum does not fit")
    return Record(shard, epoch, sequence, at, previous_hash, payload, frame)
