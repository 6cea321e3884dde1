"""The stream alone is enough: another team's consumer rebuilds all balances from it, whatever happened on the way there."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from processor.bridges import consume
from processor.bridges.bridge import Bridge
from processor.bridges.cursors import take_over
from processor.bridges.kinesis import lanes
from processor.bridges.kinesis.sink import KinesisSink
from processor.bridges.pace import Backoff
from processor.bridges.work import Term
from processor.core.messages import Leg
from processor.core.results import Result
from processor.eventlog import schema
from processor.eventlog.translator import Translator
from processor.journal.interface import Journal
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from processor.settings import Settings
from tests.aws import EmulatedAws
from tests.cluster import Cluster
from tests.contract import ledgers
from tests.contract.bridging import until
from tests.contract.streaming import THROTTLED, FaultyKinesis, HastyRandom, names_by_key
from tests.property import histories

NAME = "kinesis"
TEAM = Path(__file__).parent / "downstream"

pytestmark = pytest.mark.anyio


async def test_another_team_rebuilds_all_balances(
    database_url: str, aws: EmulatedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert histories.SHARDS == ledgers.SHARDS
    cluster, settings = with_an_open_hold(histories.lived(1)), aws.created(shards=ledgers.SHARDS)
    ledger = ledgers.PostgresLedger(database_url)
    journal, shard_map = await ledger.journal(), await ledger.shard_map()
    for shard in range(ledgers.SHARDS):
        assert await shard_map.claim(shard, 0, "host") == 1
    faults, random = FaultyKinesis(monkeypatch), Random(3)
    monkeypatch.setattr(lanes, "RECORD_BYTES", 8_000)
    faults.loses = lambda record: THROTTLED if random.random() < 0.1 else None
    faults.disowns = lambda record: "InternalFailure" if random.random() < 0.1 else None
    link = Link(database_url, DEFAULT_TIMEOUTS)
    for half in (0, 1):
        await write_half(journal, cluster, half)
        # Nothing of the bridge but its cursor is left from the half before.
        async with bridging(settings, journal, link) as (task, ends):
            await until(lambda: is_level(link, ends), task)
        known = await asyncio.to_thread(rebuild, settings, tmp_path)
    await link.close()
    await ledger.close()

    accounts = [account for shard in cluster.all_shards() for account in shard.accounts.values()]
    assert known["balances"] == {
        account.id: [
            account.currency,
            account.posted,
            account.pending_out,
            account.pending_in,
            account.posted - account.pending_out,
        ]
        for account in accounts
    }
    assert any(account.pending_out for account in accounts) and any(account.pending_in for account in accounts)
    in_stream = [name for names in names_by_key(settings).values() for name in names]
    assert known["events"] == len(set(in_stream)) < len(in_stream)
    assert len(known["types"]) > 10


def with_an_open_hold(cluster: Cluster) -> Cluster:
    source, target = histories.ACCOUNTS[0], histories.ACCOUNTS[-1]
    for account in (source, target):
        cluster.set_status(account, "open")
    assert cluster.hold("left open", Leg(source, target, 1, "EUR")).result is Result.ACCEPTED
    return cluster


async def write_half(journal: Journal, cluster: Cluster, half: int) -> None:
    for shard in range(ledgers.SHARDS):
        records = histories.records_of(cluster, shard)
        middle = len(records) // 2
        for record in records[middle:] if half else records[:middle]:
            await journal.append([record])


@asynccontextmanager
async def bridging(settings: Settings, journal: Journal, link: Link) -> AsyncIterator[tuple[asyncio.Task[None], dict[int, int]]]:
    """Run the bridge meanwhile; give its task, and where each shard ends."""
    ends = {shard: (await journal.head(shard)).sequence for shard in range(ledgers.SHARDS)}
    sink = KinesisSink(settings, HastyRandom())
    bridge = Bridge(NAME, sink, journal, Translator(journal), link, 1.0, Backoff(seconds_max=0.01))
    task = asyncio.create_task(bridge.run(Term(await take_over(link, NAME))))
    try:
        yield task, ends
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def is_level(link: Link, ends: dict[int, int]) -> bool:
    rows = await link.fetch("SELECT shard, sequence FROM payments.bridge_cursors WHERE bridge = $1", NAME)
    return {row["shard"]: row["sequence"] for row in rows} == ends


def rebuild(settings: Settings, folder: Path) -> dict[str, object]:
    """Run the other team's program, which has a copy of the library and nothing else of ours."""
    shutil.copy(consume.__file__, folder)
    shutil.copy(TEAM / "rebuild_balances.py", folder)
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PAYMENTS_SETTINGS")}
    environment = inherited | {"AWS_ENDPOINT_URL": settings.aws_endpoint_url, "AWS_DEFAULT_REGION": settings.aws_region}
    command = [
        sys.executable,
        "rebuild_balances.py",
        settings.kinesis_stream,
        str(schema.FOLDER),
        "checkpoint.json",
        "known.json",
    ]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    known: dict[str, object] = json.loads((folder / "known.json").read_text())
    return known
