"""What must be so when everything has come to rest: one owner per shard, whose memory is what the journal says."""

from processor.core.invariants import transit_violations, violations
from processor.core.shard import Shard
from processor.journal.interface import Snapshot
from processor.recovery import recover
from tests.audit.journal_audit import JournalAudit
from tests.audit.travels import must
from tests.simulation.world import World


def live_shards(world: World) -> dict[int, list[Shard]]:
    """Return who holds what: the shards in the memory of each host that runs."""
    found: dict[int, list[Shard]] = {number: [] for number in range(world.plan.shards)}
    for process in world.alive():
        for number, shard in process.host.loop._ledger.shards.items():
            found[number].append(shard)
    return found


def is_at_rest(world: World) -> bool:
    """Whether every shard has exactly one owner, no payment travels, and no append is under way."""
    if any(process.host.loop._ledger.is_travelling() for process in world.alive()):
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
        held = [name for name, account in shard.accounts.items() if account.pending_in or account.pending_out]
        must(not held, f"shard {shard.number} holds money for nothing on {held}")
        await _compare_replays(world, shard)
    found = transit_violations(shards)
    must(not found, str(found))


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
