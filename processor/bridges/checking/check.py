"""Which check belongs to which bridge, and how far it looks."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from processor.bridges.checking.verdict import Verdict
from processor.bridges.queries import Fetch, load_queries
from processor.journal.interface import Journal
from processor.settings import Settings

Check = Callable[[Settings, Journal, Mapping[int, int]], Awaitable[Verdict]]

_POSITIONS = load_queries("status.sql")["positions"]


class CannotCheck(Exception):
    """A target cannot be read now. The message is one sentence that says what to do."""


async def check_bridges(names: Sequence[str], settings: Settings, journal: Journal, fetch: Fetch) -> list[Verdict]:
    """Compare the targets of these bridges (none: of all that can be checked and have a cursor) with the journal, each up to its
    bridge's cursor.

    Raises CannotCheck, JournalUnavailable, JournalCorrupt.
    """
    positions: dict[str, dict[int, int]] = {}
    for row in await fetch(_POSITIONS):
        positions.setdefault(row["bridge"], {})[row["shard"]] = row["sequence"]
    checks = _checks()
    for name in names:
        if name not in checks:
            raise CannotCheck(f"the target of {name} cannot be read back; these can: {', '.join(sorted(checks))}")
        if name not in positions:
            raise CannotCheck(f"the bridge {name} has never run: `payments bridges` shows those that have")
    return [await checks[name](settings, journal, positions[name]) for name in names or sorted(checks.keys() & positions.keys())]


def _checks() -> dict[str, Check]:
    return {"kinesis": _kinesis, "dynamodb": _dynamodb, "redis": _redis, "s3": _s3}


# Each imports what it needs when it is called: boto3 and pyarrow are large.


async def _kinesis(settings: Settings, journal: Journal, positions: Mapping[int, int]) -> Verdict:
    from processor.aws.errors import ERRORS, explain
    from processor.bridges.checking.kinesis import check_kinesis

    try:
        return await check_kinesis(settings, journal, positions)
    except ERRORS as error:
        raise CannotCheck(explain(error, f"the Kinesis stream {settings.kinesis_stream}")) from error


async def _dynamodb(settings: Settings, journal: Journal, positions: Mapping[int, int]) -> Verdict:
    from processor.aws.errors import ERRORS, explain
    from processor.bridges.checking.dynamodb import check_dynamodb

    try:
        return await check_dynamodb(settings, journal, positions)
    except ERRORS as error:
        raise CannotCheck(explain(error, f"the DynamoDB table {settings.dynamodb_transactions_table}")) from error


async def _redis(settings: Settings, journal: Journal, positions: Mapping[int, int]) -> Verdict:
    from processor.bridges.checking.redis import check_redis
    from processor.cache.link import CacheUnavailable

    if not settings.redis_url:
        raise CannotCheck("PAYMENTS_REDIS_URL is not set: set it as it is set where the bridges run")
    try:
        return await check_redis(settings, journal, positions)
    except CacheUnavailable as error:
        raise CannotCheck(f"{error}: check PAYMENTS_REDIS_URL") from error


async def _s3(settings: Settings, journal: Journal, positions: Mapping[int, int]) -> Verdict:
    from processor.bridges.checking.s3 import check_s3
    from processor.bridges.sink import SinkUnavailable

    try:
        return await check_s3(settings, journal, positions)
    except SinkUnavailable as error:
        raise CannotCheck(str(error)) from error
