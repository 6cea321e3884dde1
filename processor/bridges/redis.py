"""The bridge to Redis: keeps the copies of balances up with the journal, and tells the API processes what is new."""

from collections.abc import Sequence

from processor.bridges.sink import Rejection, SinkUnavailable
from processor.cache.balances import BalanceCache, balances_of
from processor.cache.fan_out import FanOut
from processor.cache.link import CacheUnavailable, RedisLink
from processor.eventlog.event import PublishedEvent
from processor.settings import Settings

_TIMEOUT_SECONDS = 5.0
_ACCOUNTS_PER_TRIP = 2_000


class RedisSink:
    """Implements Sink."""

    def __init__(self, settings: Settings) -> None:
        """Connect at `open`."""
        self._url = settings.redis_url
        self._link: RedisLink | None = None
        self._fan_out: FanOut | None = None

    async def open(self) -> None:
        """Check that Redis answers."""
        if not self._url:
            raise SinkUnavailable("the bridge to Redis needs PAYMENTS_REDIS_URL: set it, or take redis out of PAYMENTS_BRIDGES")
        await self.close()
        self._link = RedisLink(self._url, _TIMEOUT_SECONDS)
        self._fan_out = FanOut(self._link)
        try:
            await self._link.call("PING")
        except CacheUnavailable as error:
            raise SinkUnavailable(f"{error}: check PAYMENTS_REDIS_URL and that the server runs") from error

    async def publish(self, events: Sequence[PublishedEvent]) -> Sequence[Rejection]:
        """Replace the copies of all accounts that the events tell of, and tell the events."""
        assert self._link is not None and self._fan_out is not None, "open comes first"
        cache, copies = BalanceCache(self._link), list(balances_of(events).items())
        try:
            for start in range(0, len(copies), _ACCOUNTS_PER_TRIP):
                await cache.replace(dict(copies[start : start + _ACCOUNTS_PER_TRIP]))
            await self._fan_out.tell(events)
        except CacheUnavailable as error:
            raise SinkUnavailable(str(error)) from error
        return ()

    async def close(self) -> None:
        """Let the connections go."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()
