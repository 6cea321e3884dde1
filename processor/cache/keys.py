"""Which `from` account an idempotency key was used with. The ledger keeps keys apart by account, since each account's shard knows its own
alone; here they are seen together, as long as Redis remembers them."""

from collections.abc import Sequence

from processor.cache.link import CacheUnavailable, RedisLink

KEY_SECONDS = 7 * 24 * 60 * 60
"""How long a key is remembered after it was seen for the first time."""

KEYS_PER_CALL_MAX = 1_000
"""Redis does nothing else while it looks at these."""

# ARGV[1] keys and ARGV[2] accounts with spaces between: neither can hold one. So nothing is made for each of them on our side.
# All names have the same tag in braces, by which a cluster keeps them on one node.
_NOTE = """
local accounts, place, misused = string.gmatch(ARGV[2], '%S+'), 0, {}
for key in string.gmatch(ARGV[1], '%S+') do
  local account = accounts()
  local before = redis.call('SET', KEYS[1] .. key, account, 'NX', 'GET', 'EX', ARGV[3])
  if before and before ~= account then misused[#misused + 1] = place end
  place = place + 1
end
return misused
"""


class KeyGuard:
    """Says of keys whether they came with another account before."""

    def __init__(self, link: RedisLink, tenant: str) -> None:
        self._link = link
        self._prefix = f"payments:key:{{{tenant}}}:"

    async def misused(self, keys: Sequence[str], accounts: Sequence[str]) -> list[int]:
        """Note each key with its payment's first `from` account; return the places of keys that were used with another one before.

        Without an answer from Redis none: the ledger's own rule still holds for each account.
        """
        starts = range(0, len(keys), KEYS_PER_CALL_MAX)
        asked = [
            self._link.call(
                "EVAL", _NOTE, 1, self._prefix,
                " ".join(keys[start : start + KEYS_PER_CALL_MAX]), " ".join(accounts[start : start + KEYS_PER_CALL_MAX]), KEY_SECONDS,
            )
            for start in starts
        ]  # fmt: skip
        found: list[int] = []
        for start, answer in zip(starts, asked, strict=True):
            try:
                found += [start + int(place) for place in await answer]
            except CacheUnavailable:
                continue
        return found
