"""The commit loop: take everything queued, let the core decide, append once for all shards, and only then answer.

There are no rules of money in here, and nothing of Ray. While an append is under way the next turn's messages gather, so the
slower the disk, the fatter the turn. If the journal refuses or cannot be reached, the loop halts: it forgets its memory,
answers Unknown to everybody who waits (their keys make a repetition safe), and holds nothing any more; the ownership loop sees
that and brings its shards back through recovery.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import takewhile
from time import perf_counter

import msgspec

from actors.commit_times import CommitTimes
from actors.recalls import AGAIN_SECONDS, Recalls, Waiting
from actors.shard_position import Service, ShardPosition
from processor.clock import now_microseconds
from processor.core import messages as m
from processor.core.ensure import Broken, ensure
from processor.core.ledger import Ledger, Retention
from processor.core.many import Single
from processor.core.peers import AnyPeerMessage
from processor.core.recall import AnyFact, Recall
from processor.core.shard import Shard
from processor.core.turn import AfterSeal, Completed, Pending, Turn
from processor.journal.interface import Fenced, Head, Journal, JournalCorrupt, JournalUnavailable
from processor.journal.record import Record
from processor.projections.interface import Archive

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.05
"""How often travelling payments are looked at while there are any."""

TURN_MESSAGES_MAX = 10_000
"""The most messages of one turn: it bounds a record's size, and how long others wait."""

TRAVEL_WAIT_SECONDS = 0.25
"""How long a call waits for payments that travel. A call is answered as a whole, so without this bound one dead host would
keep everybody waiting who shares a call with a payment to it. Whoever asks again with the same key waits on."""

RECALL_WAIT_SECONDS = 2.0
"""How long a message may wait for the archive, all questions together."""

ARCHIVE_RETRY_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 60.0

_decode_messages = msgspec.msgpack.Decoder(list[m.Request]).decode
_encode_answers = msgspec.msgpack.Encoder().encode
_decode_peers = msgspec.msgpack.Decoder(list[AnyPeerMessage]).decode
_UNKNOWN = m.Unknown()


class Call:
    """One caller's batch of messages, and its answers as far as they are known."""

    __slots__ = ("answers", "asked", "asked_at", "future", "has_many", "messages", "missing", "size", "waits_until")

    def __init__(self, messages: list[m.Request], future: asyncio.Future[bytes]) -> None:
        self.messages = messages
        self.asked = len(messages)
        self.has_many = any(type(message) is m.PayMany for message in messages)
        self.size = m.size_of(messages) if self.has_many else self.asked
        self.answers: list[m.Reply | Pending | AfterSeal | Recall] = []
        self.missing = 0
        self.waits_until = 0.0
        self.asked_at = 0.0
        self.future = future

    def finish_if_complete(self) -> None:
        """Give the caller its answers once none is missing."""
        if not self.missing and not self.future.done():
            self.future.set_result(_encode_answers(self.answers))


class CommitLoop:
    """The shards that this host holds, and the queue before them.

    `send` takes messages for shards of other hosts, and must not block.
    """

    def __init__(
        self,
        journal: Journal,
        shards: int,
        send: Callable[[Sequence[AnyPeerMessage]], None],
        queue_limit_messages: int = 50_000,
        clock: Callable[[], int] = now_microseconds,
        archive: Archive | None = None,
        retention: Retention | None = None,
    ) -> None:
        """`archive` knows what shards have forgotten; without one, or without `retention`, they forget nothing."""
        self._journal = journal
        self._retention = retention if archive is not None else None
        self._shards = shards
        self._send = send
        self.queue_limit = queue_limit_messages
        self._clock = clock
        self.times = CommitTimes()
        self._queue: deque[Call] = deque()
        self._queued = 0
        self._peers: list[AnyPeerMessage] = []
        self._changes: list[Callable[[], None]] = []
        self._wake = asyncio.Event()
        self._recalls = Recalls(archive, self._wake.set)
        self._reset()

    def _reset(self) -> None:
        self._ledger = Ledger(self._shards, self._retention)
        self._heads: dict[int, Head] = {}
        self._services: dict[int, Service] = {}
        self._waiting: dict[tuple[int, int], list[tuple[Call, int]]] = {}
        self._after_seal: list[tuple[Call, int]] = []
        self._ticked_at = -TICK_SECONDS

    # What the outside calls.

    @property
    def held(self) -> set[int]:
        """The shards that are served here."""
        return set(self._heads)

    @property
    def queue_length(self) -> int:
        """How many messages wait for their turn."""
        return self._queued

    def heads(self) -> list[Head]:
        """Return where each held shard stands."""
        return list(self._heads.values())

    def positions(self) -> list[ShardPosition]:
        """Return the same with what each shard has in memory, and what was done for it here."""
        return [self._services[head.shard].position(head) for head in self.heads()]

    async def submit(self, batch: bytes) -> bytes:
        """Decide a MessagePack list of messages and return the list of answers, in order, once they are durable.

        Cancelling the caller does not take back what was submitted.
        """
        return await asyncio.shield(self.put(batch))

    def put(self, batch: bytes) -> asyncio.Future[bytes]:
        """Queue a MessagePack list of messages and return the future of the list of answers.

        Above the queue's limit every answer is Busy, at once.
        """
        messages = _decode_messages(batch)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        call = Call(messages, future)
        if self._queued + call.size > self.queue_limit and self._queued:
            self.times.busy += call.size
            future.set_result(_encode_answers([m.Busy(self.times.drain_seconds(self._queued))] * call.asked))
            return future
        self._queue.append(call)
        self._queued += call.size
        self._wake.set()
        return future

    def receive(self, batch: bytes) -> None:
        """Take a MessagePack list of messages from other hosts' shards."""
        if len(self._peers) < self.queue_limit:
            self._peers.extend(_decode_peers(batch))
            self._wake.set()

    async def take_over(self, shard: Shard, head: Head) -> None:
        """Begin to serve a shard that was claimed and recovered."""

        def add() -> None:
            self._ledger.add(shard)
            self._heads[shard.number] = head
            self._services[shard.number] = Service(shard, head)

        await self._between_turns(add)

    async def give_up(self, shard: int) -> Head | None:
        """Stop serving a shard, after what was decided is durable; return where it stands (None: it was not held)."""
        given: list[Head] = []

        def remove() -> None:
            head = self._heads.pop(shard, None)
            if head is not None:
                self._ledger.remove(shard)
                del self._services[shard]
                given.append(head)
            for key in [key for key in self._waiting if key[0] == shard]:
                self._complete_unknown(self._waiting.pop(key))

        await self._between_turns(remove)
        return given[0] if given else None

    def halt(self, error: Exception) -> None:
        """Halt before the next turn, because somebody else has learnt that this host is no longer the owner."""

        def fail() -> None:
            raise error

        self._changes.append(fail)
        self._wake.set()

    async def _between_turns(self, change: Callable[[], None]) -> None:
        done = asyncio.get_running_loop().create_future()

        def apply() -> None:
            change()
            if not done.done():
                done.set_result(None)

        self._changes.append(apply)
        self._wake.set()
        await done

    # The loop.

    async def run(self) -> None:
        """Take turns until cancelled."""
        try:
            while True:
                await self._wait_for_work()
                try:
                    while self._changes:
                        self._changes.pop(0)()
                    await self._turn()
                except (Fenced, JournalUnavailable, JournalCorrupt, Broken) as error:
                    self._halt(error)
                except Exception as error:
                    # A fault of ours. Memory cannot be trusted after it, but the journal can: better that than to stand still.
                    logger.exception("the commit loop failed")
                    self._halt(error)
        finally:
            self._abandon()

    async def _wait_for_work(self) -> None:
        while not (self._queue or self._peers or self._changes or self._recalls.has_news):
            self._wake.clear()
            try:
                async with asyncio.timeout(self._idle_seconds()):
                    await self._wake.wait()
            except TimeoutError:
                return

    def _idle_seconds(self) -> float | None:
        """Return how long the loop may sleep if nothing comes: until a transfer or a hold needs to be looked at."""
        if self._ledger.is_travelling():
            return TICK_SECONDS
        due_at = self._ledger.next_due_at()
        if due_at is None:
            return None
        # Not for ever even so: the clock by which holds expire may be set forwards meanwhile.
        return min(max((due_at - self._clock()) / 1_000_000, 0.001), _LONGEST_WAIT_SECONDS)

    async def _turn(self) -> None:
        started = perf_counter()
        calls = self._take_calls()
        peers, self._peers = self._peers, []
        facts, recalled, refused = self._recalls.take()
        try:
            turn = self._decide_all(calls, peers, facts, recalled, refused)
            decided = perf_counter()
            await self._write(turn)
            self._release_recalled(recalled, refused)
            self._release(calls, turn.completed)
            self._release_late()
        except BaseException:
            for call in (*calls, *(call for call, _ in (*recalled, *refused))):
                self._fail(call)
            raise
        if turn.outbox:
            self._send(turn.outbox)
        if calls or turn.records:
            self._observe(calls, decided - started, perf_counter() - decided)
        if self._ledger.wants_to_age():
            self._recalls.watch()

    def _decide_all(
        self,
        calls: list[Call],
        peers: list[AnyPeerMessage],
        facts: list[AnyFact],
        recalled: list[Waiting],
        refused: list[Waiting],
    ) -> Turn:
        ledger = self._ledger
        ledger.begin(self._clock())
        ledger.age(self._recalls.take_positions())
        if recalled:
            ledger.recall(facts)
            self._decide_recalled(recalled, refused)
        for call in calls:
            self._decide(call)
        for message in peers:
            ledger.receive(message)
        if ledger.is_travelling():
            self._tick()
        turn = ledger.seal()
        self._answer_after_seal()
        return turn

    def _tick(self) -> None:
        """Look at travelling payments, unless that was done a moment ago: there may be thousands, and turns come by the millisecond."""
        now = asyncio.get_running_loop().time()
        if now - self._ticked_at >= TICK_SECONDS:
            self._ticked_at = now
            self._ledger.tick()

    async def _write(self, turn: Turn) -> None:
        """Make the turn durable, and with it make sure that this host still owns every shard that an answer rests on."""
        records = []
        for sealed in turn.records:
            head = self._heads[sealed.shard]
            records.append(Record(sealed.shard, head.epoch, sealed.sequence, sealed.at, head.hash, sealed.payload))
        if turn.consulted:
            # Shards that were only looked at: make sure that nobody has taken them over meanwhile, or the answers could show
            # what is no longer true. An append proves the same for the shards that it writes to.
            await self._journal.confirm([(shard, self._heads[shard].epoch) for shard in turn.consulted])
        if records:
            await self._journal.append(records)
        for record in records:
            self._heads[record.shard] = Head(record.shard, record.epoch, record.sequence, record.hash())
            self._services[record.shard].appended_bytes += len(record.payload)

    def _observe(self, calls: list[Call], decide_seconds: float, append_seconds: float) -> None:
        messages = sum(call.size for call in calls)
        self.times.observe(messages, decide_seconds, append_seconds)

    def _take_calls(self) -> list[Call]:
        calls = []
        taken = 0
        while self._queue and (not taken or taken + self._queue[0].size <= TURN_MESSAGES_MAX):
            call = self._queue.popleft()
            taken += call.size
            calls.append(call)
        self._queued -= taken
        return calls

    def _decide(self, call: Call) -> None:
        if call.has_many:
            self._handle_many(call)
            answers = call.answers
        else:
            handle = self._ledger.handle
            call.answers = answers = [handle(message) for message in call.messages]  # type: ignore[arg-type]
        forgotten: list[tuple[Waiting, Recall]] = []
        for position, answer in enumerate(answers):
            kind = type(answer)
            if kind is Pending or kind is AfterSeal:
                self._await(call, position)
            elif kind is Recall:
                call.missing += 1
                call.asked_at = asyncio.get_running_loop().time()
                call.waits_until = call.asked_at + RECALL_WAIT_SECONDS
                forgotten.append(((call, position), answer))  # type: ignore[arg-type]
        if forgotten:
            self._recalls.ask([waiting for waiting, _ in forgotten], [recall for _, recall in forgotten])

    def _handle_many(self, call: Call) -> None:
        """Decide a call with columns in it. What was not accepted at once becomes a message of its own, behind all others."""
        behind: list[Single] = []
        for message in call.messages:
            if isinstance(message, m.PayMany):
                paid, singles = self._ledger.pay_many(message)
                call.answers.append(paid)
                behind += singles
            else:
                call.answers.append(self._ledger.handle(message))
        call.messages += [message for message, _ in behind]
        call.answers += [answer for _, answer in behind]

    def _handle(self, call: Call, position: int) -> m.AnyAnswer | Pending | AfterSeal | Recall:
        """Handle one message again."""
        message = call.messages[position]
        ensure(not isinstance(message, m.PayMany), "columns are answered at once")
        return self._ledger.handle(message)  # type: ignore[arg-type]

    def _await(self, call: Call, position: int) -> None:
        """Note a message whose answer does not come in this turn, or at its end."""
        answer = call.answers[position]
        if type(answer) is Pending:
            call.missing += 1
            call.waits_until = asyncio.get_running_loop().time() + TRAVEL_WAIT_SECONDS
            self._waiting.setdefault((answer.home, answer.number), []).append((call, position))
        else:
            self._after_seal.append((call, position))

    def _decide_recalled(self, recalled: list[Waiting], refused: list[Waiting]) -> None:
        """Handle again what has waited for the archive.

        Messages that still have no answer go where they wait for it; those that have waited for too long join `refused`.
        """
        again: list[tuple[Waiting, Recall]] = []
        answered: list[Waiting] = []
        now = asyncio.get_running_loop().time()
        for waiting in recalled:
            call, position = waiting
            answer = call.answers[position] = self._handle(call, position)
            if isinstance(answer, Recall):
                if now >= call.waits_until:
                    refused.append(waiting)
                else:
                    again.append((waiting, answer))
            elif isinstance(answer, Pending):
                call.missing -= 1
                self._await(call, position)
            else:
                answered.append(waiting)
        recalled[:] = answered
        if again:
            self._recalls.ask([waiting for waiting, _ in again], [recall for _, recall in again], AGAIN_SECONDS)

    def _release_recalled(self, recalled: list[Waiting], refused: list[Waiting]) -> None:
        """Answer what the archive has helped to decide. For `refused` nothing was done: they may be sent again later."""
        for call, position in refused:
            call.answers[position] = m.Busy(ARCHIVE_RETRY_SECONDS)
        self.times.busy += len(refused)
        now = asyncio.get_running_loop().time()
        for call, _ in (*recalled, *refused):
            self.times.observe_recall(now - call.asked_at)
            call.missing -= 1
            call.finish_if_complete()

    def _answer_after_seal(self) -> None:
        for call, position in self._after_seal:
            call.answers[position] = self._handle(call, position)
        self._after_seal.clear()

    def _release(self, calls: list[Call], completed: list[Completed]) -> None:
        for done in completed:
            answer = done.answer
            for call, position in self._waiting.pop((done.home, done.number), ()):
                call.answers[position] = answer
                call.missing -= 1
                call.finish_if_complete()
                # Whoever else asked with the same key while the payment travelled gets the same answer as a repetition.
                answer = msgspec.structs.replace(done.answer, replayed=True)
        for call in calls:
            call.finish_if_complete()

    def _release_late(self) -> None:
        """Do not let calls wait longer for payments that travel; those who wait are in the order in which they came."""
        now = asyncio.get_running_loop().time()
        for key in list(takewhile(lambda key: self._waiting[key][0][0].waits_until <= now, self._waiting)):
            self._complete_unknown(self._waiting.pop(key))

    # Halting.

    def _halt(self, error: Exception) -> None:
        self.times.halts += 1
        logger.error("halted, every shard is given back to recovery: %s: %s", type(error).__name__, error)
        self._abandon()

    def _abandon(self) -> None:
        waiting, queue = self._waiting, self._queue
        self._queue, self._queued, self._peers = deque(), 0, []
        self._reset()
        for places in (*waiting.values(), self._recalls.abandon()):
            self._complete_unknown(places)
        for call in queue:
            self._fail(call)

    def _complete_unknown(self, places: list[tuple[Call, int]]) -> None:
        for call, position in places:
            # A call of the turn that failed has been answered as a whole, without those that stand behind its own messages.
            if call.future.done():
                continue
            call.answers[position] = _UNKNOWN
            call.missing -= 1
            call.finish_if_complete()

    def _fail(self, call: Call) -> None:
        call.answers = [_UNKNOWN] * call.asked
        call.missing = 0
        call.finish_if_complete()
