"""Checks the transaction records in S3 against themselves and against the ledger: is every record of every shard covered once, is every
byte what was written, does every account's line follow from the one before, and do Athena and Redshift read just what counts?"""

from collections.abc import AsyncIterator, Mapping

import msgspec
import pyarrow as pa

from processor.bridges.s3.bucket import Bucket
from processor.bridges.s3.files import NO_CURRENCY
from processor.bridges.s3.manifest import DataFile, Manifest, Stored, key_of, objects_of
from processor.bridges.s3.read import Damaged, RecordReader, in_order
from processor.bridges.s3.segments import ends_of
from processor.bridges.s3.tables import ENTRIES, EVENTS, SCHEMAS
from processor.client.together import run_together

PROBLEMS_MAX = 100
"""So many are told; a bucket that is damaged all over needs no longer list."""

Place = tuple[int, int, int]

_AT_ONCE = 8
"""Flushes that are read together, and so are in memory."""


class Verification(msgspec.Struct):
    """The result. It holds if `problems` is empty. `ends`: shard to the newest record that is covered; `left_out`: events that no file
    has, though they are covered."""

    manifests: int = 0
    files: int = 0
    bytes: int = 0
    events: int = 0
    entries: int = 0
    ends: dict[int, int] = {}
    left_out: tuple[str, ...] = ()
    problems: list[str] = []

    @property
    def holds(self) -> bool:
        """Whether everything agrees."""
        return not self.problems

    def problem(self, text: str) -> None:
        """Note a problem."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)


async def verify(bucket: Bucket, committed: Stored | None, heads: Mapping[int, int]) -> Verification:
    """Read everything and return what was found. Raises SinkUnavailable.

    `committed`: the newest manifest as the ledger's database has it; `heads`: shard to the journal's newest sequence. Both are to be
    read just before: what is added meanwhile does not disturb.
    """
    found, reader = Verification(), RecordReader(bucket)
    check = _Check(found)
    last: Stored | None = None
    try:
        async for some in _windows(reader.manifests()):
            loaded = await run_together(_load(bucket, reader, stored.manifest) for stored in some)
            for stored, flush in zip(some, loaded, strict=True):
                check.manifest(stored.manifest, flush)
                if (
                    committed is not None
                    and stored.manifest.number == committed.manifest.number
                    and stored.hash != committed.hash
                ):
                    found.problem(
                        f"{bucket.url(key_of(stored.manifest.number))} is not the manifest that the ledger has committed"
                    )
            last = some[-1]
    except Damaged as error:
        found.problem(str(error))
    number = last.manifest.number if last is not None else 0
    if committed is not None and number < committed.manifest.number and not found.problems:
        found.problem(f"manifest {number + 1} is missing: the ledger has committed {committed.manifest.number}")
    for shard, until in found.ends.items():
        if until > heads.get(shard, 0):
            found.problem(f"shard {shard} is covered until {until}, but its journal ends at {heads.get(shard, 0)}")
    for name in found.left_out:
        found.problem(f"event {name} is in no file: it made the bridge fail, and is among its dead letters")
    return found


class _Flush(msgspec.Struct):
    """What was read of a flush. `tables` lacks one if any of its files is damaged."""

    tables: dict[str, pa.Table]
    problems: list[str]


async def _windows(manifests: AsyncIterator[Stored]) -> AsyncIterator[list[Stored]]:
    window: list[Stored] = []
    async for stored in manifests:
        window.append(stored)
        if len(window) == _AT_ONCE:
            yield window
            window = []
    if window:
        yield window


async def _load(bucket: Bucket, reader: RecordReader, manifest: Manifest) -> _Flush:
    flush = _Flush({}, await _list_problems(bucket, manifest))
    for table in SCHEMAS:
        files = [file for file in manifest.files if file.table == table]
        try:
            parts = await run_together(reader.file(file) for file in files)
        except Damaged as error:
            flush.problems.append(str(error))
            continue
        flush.problems += [
            f"{file.key} has rows of another day or currency than its name says"
            for file, part in zip(files, parts, strict=True)
            if not _is_in_place(file, part)
        ]
        flush.tables[table] = in_order(table, parts)
    return flush


async def _list_problems(bucket: Bucket, manifest: Manifest) -> list[str]:
    """Check the lists for Athena and Redshift. These are made for one bucket: in a copy of it they name the original's files."""
    wanted = list(objects_of(manifest, bucket.name))
    contents = await run_together(bucket.get(each.key) for each in wanted)
    return [
        f"{bucket.url(each.key)} {'is missing' if content is None else 'does not list what its manifest names'}"
        for each, content in zip(wanted, contents, strict=True)
        if content != each.content
    ]


def _is_in_place(file: DataFile, table: pa.Table) -> bool:
    folder = f"{file.table}/date={file.date}/currency={file.currency or NO_CURRENCY}/"
    days = {time.date().isoformat() for time in table["recorded_at"].unique().to_pylist()}
    currencies = set(table["currency"].unique().to_pylist())
    return file.key.startswith(folder) and days == {file.date} and currencies == {file.currency}


class _Check:
    """What must fit from one manifest to the next."""

    def __init__(self, found: Verification) -> None:
        self._found = found
        self._newest: dict[int, Place] = {}
        self._posted: dict[str, int] = {}
        self._is_whole = True

    def manifest(self, manifest: Manifest, flush: _Flush) -> None:
        """Check the next flush."""
        found = self._found
        for text in flush.problems:
            found.problem(text)
        self._covers(manifest)
        if flush.tables.keys() == SCHEMAS.keys():
            self._rows(manifest, flush.tables[EVENTS], flush.tables[ENTRIES])
        else:
            self._is_whole = False
        found.left_out = manifest.left_out
        found.manifests += 1
        found.files += len(manifest.files)
        found.bytes += sum(file.bytes for file in manifest.files)

    def _covers(self, manifest: Manifest) -> None:
        """Check that each shard goes on where it ended."""
        found = self._found
        for cover in manifest.covers:
            end = found.ends.get(cover.shard, 0)
            if cover.after != end or cover.until < end:
                found.problem(
                    f"manifest {manifest.number} covers shard {cover.shard} from {cover.after} to {cover.until}, after {end}"
                )
        found.ends |= ends_of(manifest)

    def _rows(self, manifest: Manifest, events: pa.Table, entries: pa.Table) -> None:
        """Check that every event is there once, in order, and that every line follows from the account's line before."""
        found = self._found
        names = list(zip(*(events[name].to_pylist() for name in ("shard", "sequence", "event_index")), strict=True))
        if len(names) != manifest.events or len(set(names)) != len(names):
            found.problem(f"manifest {manifest.number} has {len(set(names))} different events and not {manifest.events}")
        late = {name for name in names if ":".join(map(str, name)) in found.left_out}
        for name in names:
            if name in late:
                continue
            shard, sequence, _ = name
            if name <= self._newest.get(shard, (shard, 0, 0)):
                found.problem(f"manifest {manifest.number} has event {name}, which is not after those before it")
            if sequence > found.ends.get(shard, 0):
                found.problem(f"manifest {manifest.number} has event {name}, which it does not cover")
            self._newest[shard] = name
        # Where events are missing, or come late, no line can be expected to follow from the one before.
        self._is_whole = self._is_whole and not manifest.left_out and not late
        if self._is_whole:
            self._lines(entries, set(names))
        found.events += events.num_rows
        found.entries += entries.num_rows

    def _lines(self, entries: pa.Table, names: set[Place]) -> None:
        columns = ("shard", "sequence", "event_index", "account", "direction", "amount", "posted_after")
        posted = self._posted
        for shard, sequence, index, account, direction, amount, after in zip(
            *(entries[name].to_pylist() for name in columns), strict=True
        ):
            if (shard, sequence, index) not in names:
                self._found.problem(f"a line of {account} belongs to event {shard}:{sequence}:{index}, which is missing")
            if after is None:
                continue
            change = amount if direction == "credit" else -amount
            if posted.get(account, 0) + change != after:
                self._found.problem(f"the line of {account} at {shard}:{sequence}:{index} does not follow from the one before it")
            posted[account] = after


async def orphans(bucket: Bucket) -> list[tuple[str, int]]:
    """Return the keys and sizes of the data files that no manifest names. Those of a flush under way are among them.

    Raises SinkUnavailable, Damaged.
    """
    found = [found for folder in (ENTRIES, EVENTS) async for found in bucket.list(f"{folder}/")]
    named = {file.key async for stored in RecordReader(bucket).manifests() for file in stored.manifest.files}
    return [(key, size) for key, size in found if key not in named]
