"""A shard host without Ray: the commit loop over a journal, holding all shards."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import chain
from types import TracebackType
from typing import Self

import msgspec

from actors.commit_loop import CommitLoop
from loadtests.bench.failure import BenchFailed
from processor.clock import now_microseconds
from processor.core.messages import AccountAnswer, AnyAnswer, PaymentAnswer
from processor.core.results import Result
from processor.journal.interface import Journal, ShardMap
from processor.recovery import recover

CALLS_IN_FLIGHT = 2
"""As many as a lane has under way (actors/lane.py)."""

_decode = msgspec.msgpack.Decoder(list[AnyAnswer]).decode


class LoopOverJournal:
    """Claims all shards of the journal on entry, and takes turns until the exit."""

    def __init__(self, journal: Journal, shard_map: ShardMap) -> None:
        self._journal = journal
        self._map = shard_map

    async def __aenter__(self) -> Self:
        shards = await self._journal.shard_count()
        self._loop = CommitLoop(self._journal, shards, _nobody_to_send_to)
        self._running = asyncio.create_task(self._loop.run())
        for shard in (await self._map.view())[1]:
            epoch = await self._map.claim(shard.shard, shard.epoch, "bench")
            if epoch is None:
                raise BenchFailed(f"shard {shard.shard} of the bench's own journal was claimed by somebody else")
            head = await self._journal.open(shard.shard, epoch, now_microseconds())
            state, _ = await recover(self._journal, shard.shard, head.sequence)
            await self._loop.take_over(state, head)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def submit_all(self, lists: Sequence[bytes]) -> list[bytes]:
        """Submit lists of messages, a few at a time; return the lists of answers, in any order."""
        waiting = iter(lists)

        async def drive() -> list[bytes]:
            return [await self._loop.submit(data) for data in waiting]

        return list(chain.from_iterable(await asyncio.gather(*(drive() for _ in range(CALLS_IN_FLIGHT)))))


def require_accepted(answers: Iterable[bytes], count: int) -> None:
    """Raise BenchFailed unless so many messages were accepted, and no other answer was given."""
    accepted = 0
    for answer in chain.from_iterable(map(_decode, answers)):
        if not isinstance(answer, PaymentAnswer | AccountAnswer):
            raise BenchFailed(f"the commit loop answered {type(answer).__name__}: its journal failed")
        accepted += answer.result is Result.ACCEPTED
    if accepted != count:
        raise BenchFailed(f"{accepted:,} of {count:,} messages were accepted by the commit loop")


def _nobody_to_send_to(messages: Sequence[object]) -> None:
    raise BenchFailed("one host holds all shards, so nothing leaves it")
