"""Whether the transaction records in S3 hold each event of the journal once, and leave every account as the journal does."""

from collections.abc import Mapping

from processor.bridges.checking.expected import expected_events
from processor.bridges.checking.verdict import Verdict
from processor.bridges.s3.bucket import Bucket
from processor.bridges.s3.read import Damaged, RecordReader
from processor.bridges.s3.tables import ENTRIES, EVENTS
from processor.cache.balances import balances_of
from processor.journal.interface import Journal
from processor.settings import Settings

Event = tuple[int, int, str, str]
"""(sequence, index, type, subject)."""

Standing = tuple[int, int, int]
"""(posted, pending_in, pending_out)."""


class _Records:
    """What the files say: the events of each shard in their order, and how each account stands after its newest line."""

    def __init__(self) -> None:
        self.events: dict[int, list[Event]] = {}
        self.standings: dict[str, Standing] = {}

    async def read(self, reader: RecordReader) -> None:
        """Read everything. Raises Damaged, SinkUnavailable."""
        async for stored in reader.manifests():
            events = (await reader.rows(stored.manifest, EVENTS)).select(["shard", "sequence", "event_index", "type", "subject"])
            for shard, sequence, index, kind, subject in zip(*(column.to_pylist() for column in events.columns), strict=True):
                self.events.setdefault(shard, []).append((sequence, index, kind, subject))
            entries = (await reader.rows(stored.manifest, ENTRIES)).select(
                ["account", "posted_after", "pending_in_after", "pending_out_after"]
            )
            for account, *standing in zip(*(column.to_pylist() for column in entries.columns), strict=True):
                self.standings[account] = (standing[0], standing[1], standing[2])


async def check_s3(settings: Settings, journal: Journal, positions: Mapping[int, int]) -> Verdict:
    """Compare the files with the journal up to these positions. Raises SinkUnavailable."""
    verdict, records, bucket = Verdict("s3"), _Records(), Bucket(settings)
    await bucket.open()
    try:
        await records.read(RecordReader(bucket))
    except Damaged as error:
        verdict.report(str(error))
    finally:
        bucket.close()
    standings: dict[str, Standing] = {}
    for shard, until in positions.items():
        stored = iter([event for event in records.events.get(shard, ()) if event[0] <= until])
        upcoming = next(stored, None)
        async for event in expected_events(journal, shard, until):
            verdict.compared += 1
            expected = (event.sequence, event.index, event.type, event.subject)
            while upcoming is not None and upcoming[:2] < expected[:2]:
                verdict.report(f"{shard}:{upcoming[0]}:{upcoming[1]} is in the files twice, or not in the journal")
                upcoming = next(stored, None)
            if upcoming != expected:
                verdict.report(f"{event.name} is missing in the files, or another event there")
            if upcoming is not None and upcoming[:2] == expected[:2]:
                upcoming = next(stored, None)
            for account, told in balances_of((event,)).items():
                standings[account] = (told.posted, told.pending_in, told.pending_out)
        if upcoming is not None:
            verdict.report(f"{shard}:{upcoming[0]}:{upcoming[1]} is in the files and not in the journal")
    for account, standing in standings.items():
        if records.standings.get(account) != standing and not _is_ahead(records, positions):
            verdict.report(
                f"account {account} stands at {records.standings.get(account)} in the files, at {standing} in the journal"
            )
    return verdict


def _is_ahead(records: _Records, positions: Mapping[int, int]) -> bool:
    """Whether files hold more than what was asked about: then balances cannot be compared."""
    return any(events[-1][0] > positions.get(shard, 0) for shard, events in records.events.items())
