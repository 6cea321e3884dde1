"""How many requests a client may make: one bucket for each, which all API processes share.

The generic cell rate algorithm (ITU-T I.371): a bucket is one number, the time at which it would be empty of what was taken. Redis' own
clock counts, so that all processes agree.
"""

from typing import NamedTuple

from processor.cache.link import CacheUnavailable, RedisLink

_PREFIX = "payments:rate:"
# Times in microseconds; KEYS[1] the bucket, ARGV[1] what one request takes, ARGV[2] how far ahead of the clock the bucket may run.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local from = tonumber(redis.call('GET', KEYS[1]) or '0')
if from < now then from = now end
local after = from + ARGV[1]
if after - now > ARGV[2] * 1 then
  return {0, math.ceil(after - now - ARGV[2])}
end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000) + 1000)
return {1, math.floor((ARGV[2] - (after - now)) / ARGV[1])}
"""


class Verdict(NamedTuple):
    """Whether a request may be made; how many more may follow at once, or after how long to try again."""

    is_allowed: bool
    remaining: int
    retry_after_seconds: float


class RateLimiter:
    """Counts requests by client."""

    def __init__(self, link: RedisLink, requests_per_second: float, burst_requests: int) -> None:
        self._link = link
        self.requests_per_second = requests_per_second
        self.burst_requests = burst_requests
        self._cost = 1_000_000 / requests_per_second

    async def take(self, client: str) -> Verdict:
        """Take one request out of the client's bucket. Without an answer from Redis it is allowed."""
        try:
            allowed, value = await self._link.call(
                "EVAL", _TAKE, 1, _PREFIX + client, self._cost, self._cost * self.burst_requests
            )
        except CacheUnavailable:
            return Verdict(True, self.burst_requests, 0.0)
        return Verdict(True, int(value), 0.0) if allowed else Verdict(False, 0, int(value) / 1_000_000)
