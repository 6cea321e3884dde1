"""Whether the copies of balances in Redis are those of the journal's events."""

from collections.abc import Mapping

from processor.bridges.checking.expected import expected_events
from processor.bridges.checking.verdict import Verdict
from processor.cache.balances import BalanceCache, CachedBalances, balances_of
from processor.cache.link import RedisLink
from processor.journal.interface import Journal
from processor.settings import Settings

_TIMEOUT_SECONDS = 5.0


async def check_redis(settings: Settings, journal: Journal, positions: Mapping[int, int]) -> Verdict:
    """Compare the copies with the journal up to these positions; accounts that have changed later are passed over.

    Raises CacheUnavailable.
    """
    verdict, link = Verdict("redis"), RedisLink(settings.redis_url, _TIMEOUT_SECONDS)
    cache = BalanceCache(link)
    try:
        for shard, until in positions.items():
            newest: dict[str, CachedBalances] = {}
            async for event in expected_events(journal, shard, until):
                newest |= balances_of((event,))
            for account, balances in newest.items():
                found = await cache.read(account)
                if found is None:
                    verdict.report(f"account {account} is missing in Redis")
                elif (found.sequence, found.index) <= (balances.sequence, balances.index):
                    verdict.compared += 1
                    if found != balances:
                        verdict.report(f"account {account} is {found} in Redis, {balances} in the journal")
    finally:
        await link.close()
    return verdict
