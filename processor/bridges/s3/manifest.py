"""The manifest of one flush: which files count, what they cover, and the hash of the manifest before it.

A file counts only if a manifest names it; others were left behind by a flush that was not committed. Manifests are numbered from 1
without gaps, and each carries the SHA-256 of the one before: whoever knows the newest one's hash can prove all files by it.

What Athena and Redshift read is made from manifests: for each table and day a list of files (Athena takes the rows of the files that
are listed in a folder), for each table a list with sizes for COPY. Keys hold the manifest's number, so no object is ever written twice.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from typing import Literal, NamedTuple

import msgspec

FOLDER = "manifests/"
ATHENA_FOLDER = "athena/"
REDSHIFT_FOLDER = "redshift/"


class Covered(msgspec.Struct, frozen=True):
    """The records of a shard whose events are in a flush: `after < sequence <= until`."""

    shard: int
    after: int
    until: int


class DataFile(msgspec.Struct, frozen=True):
    """One Parquet file. `date` and `currency` are those of all its rows; `currency` is null where they have none in common."""

    key: str
    table: str
    date: str
    currency: str | None
    rows: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """One flush. `previous`: SHA-256 of the manifest before it, in hexadecimal; None: there is none. `written_at`: RFC 3339.

    `left_out`: the names of all events that manifests cover up to this one and that no file has, because they made the bridge fail.
    If one comes after all, it is in the files of a later flush, and stands here no more.
    """

    bridge: str
    number: int
    previous: str | None
    written_at: str
    events: int
    covers: tuple[Covered, ...]
    files: tuple[DataFile, ...]
    left_out: tuple[str, ...] = ()
    format: Literal[1] = 1


class Stored(NamedTuple):
    """A manifest that was written, and the SHA-256 of its bytes: what the next one says of it."""

    manifest: Manifest
    hash: str


class NamedObject(NamedTuple):
    """An object that belongs to a manifest."""

    key: str
    content: bytes
    content_type: str


def key_of(number: int) -> str:
    """Return the key of the manifest with this number."""
    return f"{FOLDER}{number:012d}.json"


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as it is stored."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def stored_manifest(content: bytes) -> Stored:
    """Return what a manifest's bytes say. Raises msgspec.MsgspecError if this program does not know them."""
    return Stored(msgspec.json.decode(content, type=Manifest), sha256(content).hexdigest())


def objects_of(manifest: Manifest, bucket: str) -> Iterator[NamedObject]:
    """Yield what Athena and Redshift read: it is there before the manifest itself is."""
    files = sorted(manifest.files, key=lambda file: (file.table, file.date, file.key))
    for (table, date), some in groupby(files, key=lambda file: (file.table, file.date)):
        lines = "".join(f"s3://{bucket}/{file.key}\n" for file in some)
        yield NamedObject(f"{ATHENA_FOLDER}{table}/date={date}/{manifest.number:012d}.txt", lines.encode(), "text/plain")
    for table, some in groupby(files, key=lambda file: file.table):
        entries = [
            {"url": f"s3://{bucket}/{file.key}", "mandatory": True, "meta": {"content_length": file.bytes}} for file in some
        ]
        content = msgspec.json.format(msgspec.json.encode({"entries": entries}), indent=1)
        yield NamedObject(f"{REDSHIFT_FOLDER}{table}/{manifest.number:012d}.manifest", content, "application/json")
