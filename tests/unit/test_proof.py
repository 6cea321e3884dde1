"""The proof holds while payments go on: all shards are read as of one moment."""

import pytest

from processor.audit.proof import verify
from processor.core.messages import Leg
from processor.journal.interface import Snapshot
from processor.journal.memory import MemoryJournal
from tests.cluster import Cluster, account_on
from tests.unit.test_auditor import SHARDS, busy_cluster, extend

pytestmark = pytest.mark.anyio


class BusyJournal(MemoryJournal):
    """Another payment from shard 0 to shard 1 is made when shard 0 has been read, and shard 1 has not."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster.shards)
        self.cluster = cluster

    async def latest_snapshot(self, shard: int) -> Snapshot | None:
        if shard == 1:
            self.cluster.pay("late", Leg(account_on(0, SHARDS), account_on(1, SHARDS), 7, "EUR"))
            await extend(self, self.cluster)
        return await super().latest_snapshot(shard)


async def test_a_payment_that_is_made_while_shards_are_read_one_after_another_is_left_out() -> None:
    cluster, _, _ = busy_cluster()
    journal = BusyJournal(cluster)
    for shard in range(SHARDS):
        await journal.claim(shard, 0, "host")
    await extend(journal, cluster)
    ends = [(await journal.head(shard)).sequence for shard in range(SHARDS)]
    proof = await verify(journal)
    assert proof.problems == []
    assert [shard.sequence for shard in proof.shards] == ends
    assert (await journal.head(1)).sequence > ends[1]
