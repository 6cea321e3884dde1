"""Sends the payments of a file in batches over a few connections, and knows at any time what is certain."""

import asyncio
from collections.abc import Callable
from itertools import islice
from zlib import crc32

import msgspec

from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.outcome import BATCH_PATH, MINIMAL, Outcome, send_batch
from processor.client.post import Post
from processor.client.together import run_together
from processor.sending.background import in_background
from processor.sending.payment_file import BadRow, PaymentFile
from processor.sending.payment_line import PaymentLine, check_row

BATCH_PAYMENTS = 1_000
RETRY_SECONDS = 60.0
_Lane = asyncio.Queue[list[PaymentLine] | None]


class Summary(msgspec.Struct):
    """How many lines met which fate, and how many requests had to be sent again."""

    accepted: int = 0
    replayed: int = 0
    refused: int = 0
    bad: int = 0
    resent: int = 0

    @property
    def lines(self) -> int:
        """The lines whose fate is known."""
        return self.accepted + self.replayed + self.refused + self.bad


class Sender:
    """One sending of one file.

    Payments from one account keep the order of the file, since they share a connection; payments from different accounts
    may overtake each other unless there is one connection only.
    """

    def __init__(
        self,
        file: PaymentFile,
        address: Address,
        connections: int,
        report: Callable[[int, str], None],
        progress: Callable[[], None],
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """`report` gets the line number and the reason of each line that is bad or refused; `progress` is called now and then."""
        self.summary = Summary()
        self._file = file
        self._address = address
        self._report = report
        self._progress = progress
        self._retry_seconds = retry_seconds
        self._lanes: list[_Lane] = [asyncio.Queue(maxsize=1) for _ in range(connections)]
        self._open: set[int] = set()
        self._last_read = 1

    @property
    def known_up_to_line(self) -> int:
        """The last line of the file up to which every line's outcome is known and reported."""
        return min(self._open) - 1 if self._open else self._last_read

    async def run(self) -> None:
        """Send the whole file. Raises Unavailable and UnexpectedAnswer; the summary then tells what happened before."""
        await run_together([self._read(), *(self._send(lane) for lane in self._lanes)])

    async def _read(self) -> None:
        rows = iter(self._file)
        waiting: list[list[PaymentLine]] = [[] for _ in self._lanes]

        def next_lines() -> list[PaymentLine | BadRow]:
            return [row if isinstance(row, BadRow) else check_row(row) for row in islice(rows, BATCH_PAYMENTS)]

        while lines := await in_background(next_lines):
            self._open.update(line.number for line in lines if isinstance(line, PaymentLine))
            self._last_read = lines[-1].number
            for line in lines:
                if isinstance(line, BadRow):
                    self.summary.bad += 1
                    self._report(line.number, line.reason)
                    continue
                number = crc32(line.from_account.encode()) % len(self._lanes)
                waiting[number].append(line)
                if len(waiting[number]) == BATCH_PAYMENTS:
                    await self._lanes[number].put(waiting[number])
                    waiting[number] = []
            self._progress()
        for lane, rest in zip(self._lanes, waiting, strict=True):
            if rest:
                await lane.put(rest)
            await lane.put(None)

    async def _send(self, lane: _Lane) -> None:
        post = Post(self._address, BATCH_PATH, MINIMAL)
        async with Connection(self._address, retry_seconds=self._retry_seconds) as connection:
            while (batch := await lane.get()) is not None:
                body = b'{"payments":[' + b",".join(line.body for line in batch) + b"]}"
                before = connection.retries
                outcomes = await send_batch(connection, post, body, len(batch))
                self.summary.resent += connection.retries - before
                for line, outcome in zip(batch, outcomes, strict=True):
                    self._settle(line.number, outcome)
                self._progress()

    def _settle(self, number: int, outcome: Outcome) -> None:
        self._open.discard(number)
        if not 200 <= outcome.status < 300:
            self.summary.refused += 1
            self._report(number, str(outcome.problem) if outcome.problem else f"status {outcome.status}")
        elif outcome.replayed:
            self.summary.replayed += 1
        else:
            self.summary.accepted += 1
