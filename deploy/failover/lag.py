"""How far the new region is behind, which is what would be lost: measured before anything is promoted."""

from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from deploy.failover.landscape import Region
from deploy.failover.step import Step, StepFailed, Work
from processor.journal.dynamodb.items import head_key

_METRIC_MINUTES = 30
# As the alarm asks (terraform/modules/operations): whatever the metric's dimensions are, a region has one global database.
LAG_QUERY = 'SELECT MAX(AuroraGlobalDBReplicationLag) FROM "AWS/RDS"'
_LEVEL_LOOKS = 60
_LEVEL_PAUSE_SECONDS = 2.0


def look(work: Work) -> list[str]:
    """This is measured every time."""
    return [f"measure how far {work.landscape.new.region} is behind"]


def act(work: Work) -> None:
    """Tell the lag of both copies, and each shard's head in the copy of the table: what is known to have been acknowledged.

    Raises StepFailed if a switch is planned and the copy of the table does not become level.
    """
    work.say(f"  {_database_lag(work)}")
    new = _heads(work, work.landscape.new)
    try:
        old = _heads(work, work.landscape.old)
    except (BotoCoreError, ClientError) as error:
        if work.planned:
            raise
        work.say(f"  the old table cannot be read, so what it has more than its copy is not known ({error})")
    else:
        new = _level(work, old, new) if work.planned else new
        work.say(f"  {_difference(old, new)}")
    work.say("  heads in the copy of the table: " + " ".join(f"{shard}:{sequence}" for shard, sequence in new.items()))


def _database_lag(work: Work) -> str:
    new, now = work.landscape.new, datetime.now(UTC)
    [told] = work.clients("cloudwatch", new.region).get_metric_data(
        MetricDataQueries=[{"Id": "lag", "Expression": LAG_QUERY, "Period": 60}],
        StartTime=now - timedelta(minutes=_METRIC_MINUTES),
        EndTime=now,
        ScanBy="TimestampDescending",
    )["MetricDataResults"]
    if not told["Values"]:
        return f"Aurora has told no lag for {_METRIC_MINUTES} minutes: the copy is at least that old"
    at, milliseconds = told["Timestamps"][0], told["Values"][0]
    return f"Aurora's copy was {milliseconds / 1000:.1f} s behind at {at:%H:%M} UTC, the last that it told"


def _heads(work: Work, region: Region) -> dict[int, int]:
    """Return the sequence of each shard's newest record in a region's table."""
    dynamodb, table = work.clients("dynamodb", region.region), work.landscape.journal_table
    heads: dict[int, int] = {}
    # A ledger with a mirror has 50 shards at most, and 100 keys fit one call.
    keys = [head_key(shard) for shard in range(work.landscape.shards)]
    while keys:
        answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
        for item in answer["Responses"][table]:
            heads[int(item["pk"]["S"].removeprefix("head#"))] = int(item["sequence"]["N"])
        keys = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
    if len(heads) < work.landscape.shards:
        raise StepFailed(
            f"{table} in {region.region} has {len(heads)} of {work.landscape.shards} heads: is it the journal's table?"
        )
    return dict(sorted(heads.items()))


def _level(work: Work, old: dict[int, int], new: dict[int, int]) -> dict[int, int]:
    """Return the copy's heads once they are the old ones: nobody writes any more, so it only takes a moment. Raises StepFailed."""
    for _ in range(_LEVEL_LOOKS):
        if new == old:
            return new
        work.pause(_LEVEL_PAUSE_SECONDS)
        new = _heads(work, work.landscape.new)
    raise StepFailed(f"{_difference(old, new)} after {_LEVEL_LOOKS * _LEVEL_PAUSE_SECONDS:.0f} s; nothing has been promoted yet")


def _difference(old: dict[int, int], new: dict[int, int]) -> str:
    missing = {shard: (new[shard] + 1, old[shard]) for shard in old if old[shard] > new[shard]}
    if not missing:
        return "the copy of the table has the newest record of every shard"
    ranges = ", ".join(f"{shard}:{first}-{last}" for shard, (first, last) in missing.items())
    return f"the copy of the table lacks (shard:sequences) {ranges}"


LAG = Step("lag", look, act, only_reads=True)
