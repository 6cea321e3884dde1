"""What must be so when everything has come to rest: one owner per shard, whose memory is what the journal says."""

from processor.core.invariants import held_violations, transit_violations, violations
from processor.core.recall import Recall
from processor.core.shard import Shard
from processor.journal.interface import Snapshot
from processor.recovery import recover
from tests.audit.archive import AuditArchive
from tests.audit.journal_audit import JournalAudit
from tests.audit.travels import must
from tests.cluster import START
from tests.simulation.world import World


def live_shards(world: World) -> dict[int, list[Shard]]:
    """Return who holds what: the shards in the memory of each host that runs."""
    found: dict[int, list[Shard]] = {number: [] for number in range(world.plan.shards)}
    for process in world.alive():
        for number, shard in process.host.loop._ledger.shards.items():
            found[number].append(shard)
    return found


def is_at_rest(world: World) -> bool:
    """Whether every shard has exactly one owner, no payment travels, no hold's time has come, and no append is under way."""
    for process in world.alive():
        ledger = process.host.loop._ledger
        due_at = ledger.next_due_at()
        now = START + int((world.loop.time() + process.clock_offset_seconds) * 1_000_000)
        if ledger.is_travelling() or (due_at is not None and due_at <= max(now, ledger.at)):
            return False
    live = live_shards(world)
    return all(len(owners) == 1 and owners[0].sequence == len(world.journal.streams[shard]) for shard, owners in live.items())


async def check_final_state(world: World, audit: JournalAudit) -> None:
    """Compare memory, journal and snapshots byte for byte, and the sums with each other."""
    shards = [owners[0] for owners in live_shards(world).values()]
    must(audit.travels.open_ones() == [], f"payments travel for ever: {audit.travels.open_ones()}")
    for shard in shards:
        found = violations(shard)
        must(not found, f"shard {shard.number}: {found}")
        await _compare_replays(world, shard)
    must(audit.overdue() == [], f"held for longer than asked for: {audit.overdue()}")
    found = transit_violations(shards) + held_violations(shards)
    must(not found, str(found))
    await _compare_archive(world, audit)


async def _compare_archive(world: World, audit: JournalAudit) -> None:
    """Once the archive has read everything, it gives every key's outcome and every payment as the audit knows them."""
    await world.archive.advance()
    expected = AuditArchive(audit)
    for shard in range(world.plan.shards):
        expected.catch_up(shard)
    asked = [Recall(shard, key) for shard, key in audit.outcomes]
    asked += [Recall(shard, place=(at, sequence, index)) for shard, at, sequence, index in audit.book.history]
    for ask, fact in zip(asked, await world.archive.recall(asked), strict=True):
        must(fact == expected.fact(ask), f"the archive says {fact}, the journal {expected.fact(ask)}")


async def _compare_replays(world: World, shard: Shard) -> None:
    """A full replay, the stored snapshot with its tail, and a snapshot from the middle with its tail give the live bytes."""
    journal, number, live = world.journal, shard.number, shard.encode()
    full, _ = await recover(journal, number, from_snapshot=False)
    must(full.encode() == live, f"shard {number} in memory is not what its journal says")
    stored, _ = await recover(journal, number)
    must(stored.encode() == live, f"shard {number} from its stored snapshot is not what its journal says")
    middle, last_hash = await recover(journal, number, until=shard.sequence // 2, from_snapshot=False)
    if middle.sequence:
        journal.snapshots[number].clear()
        await journal.save_snapshot(Snapshot(number, middle.sequence, last_hash, middle.encode()))
        resumed, _ = await recover(journal, number)
        must(resumed.encode() == live, f"shard {number} from a snapshot at {middle.sequence} is not what its journal says")
