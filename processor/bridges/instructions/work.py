"""The bridge that brings payments in: several lanes over one queue."""

import asyncio
from time import monotonic

from processor.aws.calls import AwsCalls
from processor.aws.failed import AwsFailed
from processor.bridges.instructions.cashier import Cashier
from processor.bridges.instructions.lane import WAIT_SECONDS, Lane
from processor.bridges.instructions.tally import Tally
from processor.bridges.pace import BACKOFF_SECONDS_MAX, Backoff
from processor.bridges.queues.sqs_queue import SqsQueue
from processor.bridges.work import Term
from processor.client.together import run_together
from processor.settings import Settings

LANES = 8
"""Batches of up to ten instructions that are worked on at a time."""


class Instructions:
    """Implements Work. Several copies may run at a time: SQS gives each message to one of them, and a repeat pays nothing."""

    name = "instructions"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def run(self, term: Term) -> None:
        """Carry instructions out until cancelled."""
        # Longer than a receipt waits for messages.
        read_seconds = max(self._settings.aws_read_timeout_seconds, WAIT_SECONDS + 5.0)
        calls = AwsCalls(self._settings, "sqs", 2 * LANES, read_seconds)
        tally = Tally(term)
        try:
            await run_together(self._keep(f"lane {number}", calls, tally) for number in range(LANES))
        finally:
            calls.close()

    async def _keep(self, name: str, calls: AwsCalls, tally: Tally) -> None:
        """Keep one lane going, whatever SQS does."""
        cashier, backoff = Cashier(self._settings, name, tally), Backoff()
        try:
            while True:
                began = monotonic()
                try:
                    await calls.open()
                    queue = await SqsQueue.find(calls, self._settings.sqs_instruction_queue)
                    dead_letters = await SqsQueue.find(calls, self._settings.sqs_instruction_dead_letter_queue)
                    await Lane(name, queue, dead_letters, cashier, tally).run()
                except AwsFailed as error:
                    tally.tell(name, f"no instructions are taken: {error}")
                if monotonic() - began > BACKOFF_SECONDS_MAX:
                    backoff.reset()
                await asyncio.sleep(backoff.next_seconds())
        finally:
            cashier.close()
