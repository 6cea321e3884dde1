"""Which `from` account an idempotency key was used with. The ledger keeps keys apart by account, since each account's shard knows its own
alone; here they are seen together, as long as Redis remembers them."""

import asyncio
from collections.abc import Sequence

import msgspec

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


class _Question(msgspec.Struct, gc=False):
    """What one caller asks: each key's account, and where to say which of them are misused."""

    keys: Sequence[str]
    accounts: Sequence[str]
    answer: asyncio.Future[list[int]]


class KeyGuard:
    """Says of keys whether they came with another account before. Who asks during one round trip is asked for together in the next."""

    def __init__(self, link: RedisLink, tenant: str) -> None:
        self._link = link
        self._prefix = f"payments:key:{{{tenant}}}:"
        self._questions: list[_Question] = []
        self._asking: asyncio.Task[None] | None = None

    async def misused(self, keys: Sequence[str], accounts: Sequence[str]) -> list[int]:
        """Note each key with its payment's first `from` account; return the places of keys that were used with another one before.

        Without an answer from Redis none: the ledger's own rule still holds for each account.
        """
        loop = asyncio.get_running_loop()
        question = _Question(keys, accounts, loop.create_future())
        self._questions.append(question)
        if self._asking is None:
            self._asking = loop.create_task(self._ask_for_all())
        return await question.answer

    async def _ask_for_all(self) -> None:
        try:
            while self._questions:
                questions, self._questions = self._questions, []
                await self._ask_together(questions)
        finally:
            self._asking = None

    async def _ask_together(self, questions: list[_Question]) -> None:
        found: list[int] = []
        try:
            keys = [key for question in questions for key in question.keys]
            found = await self._ask(keys, [account for question in questions for account in question.accounts])
        finally:
            start = 0
            for question in questions:
                end = start + len(question.keys)
                if not question.answer.done():  # Whoever does not wait any more need not hear of it.
                    question.answer.set_result([place - start for place in found if start <= place < end])
                start = end

    async def _ask(self, keys: list[str], accounts: list[str]) -> list[int]:
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
