"""Recovery shares the event loop with the shards that the host serves meanwhile."""

import asyncio

import pytest

from processor.core import messages as m
from processor.core.ledger import Ledger
from processor.journal.memory import MemoryJournal
from processor.journal.record import Record
from processor.recovery import SLICE_EVENTS, recover

pytestmark = pytest.mark.anyio
RECORDS = 10


async def test_a_long_journal_is_replayed_in_slices_between_which_others_run() -> None:
    journal = await journal_with(RECORDS, SLICE_EVENTS)
    rounds = 0

    async def others() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(others())
    state, _ = await recover(journal, 0)
    task.cancel()
    assert state.events >= RECORDS * SLICE_EVENTS
    assert rounds >= RECORDS


async def journal_with(records: int, events: int) -> MemoryJournal:
    """Return a journal of one shard, so many records of so many events behind its fence."""
    journal = MemoryJournal(1)
    epoch = await journal.claim(0, 0, "host")
    assert epoch is not None
    head = await journal.open(0, epoch, 1)
    ledger = Ledger(1)
    ledger.add((await recover(journal, 0))[0])
    last_hash = head.hash
    for record in range(records):
        ledger.begin(1)
        for number in range(events):
            ledger.handle(m.OpenAccount(0, f"{record}-{number}", "EUR"))
        (sealed,) = ledger.seal().records
        written = Record(0, epoch, sealed.sequence, sealed.at, last_hash, sealed.payload)
        await journal.append([written])
        last_hash = written.hash()
    return journal
