"""What the API processes share through Redis. Each part is None where it is not configured, and fails open where Redis does not answer."""

from functools import partial
from typing import Self

import msgspec

from processor.cache.balances import BalanceCache
from processor.cache.keys import KeyGuard
from processor.cache.link import RedisLink
from processor.cache.rates import RateLimiter
from processor.settings import Settings
from serve.events.redis_source import redis_source
from serve.events.streams import EventStreams
from serve.payments.idempotency import TENANT


class SharedCache(msgspec.Struct, frozen=True):
    """The guard of idempotency keys, the clients' request rates, and the copies of balances."""

    link: RedisLink | None = None
    keys: KeyGuard | None = None
    rates: RateLimiter | None = None
    balances: BalanceCache | None = None
    url: str = ""

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Return what the settings ask for. It connects when it is first used."""
        if not settings.redis_url:
            return cls()
        link, rate = RedisLink(settings.redis_url), settings.rate_limit_requests_per_second
        limiter = RateLimiter(link, rate, settings.rate_limit_burst_requests) if rate else None
        return cls(link, KeyGuard(link, TENANT), limiter, BalanceCache(link), settings.redis_url)

    def event_streams(self) -> EventStreams:
        """Return the process's streams of events, which Redis feeds if it is configured."""
        return EventStreams(partial(redis_source, self.url)) if self.url else EventStreams()

    async def close(self) -> None:
        """Let the connections go."""
        if self.link is not None:
            await self.link.close()
