"""Puts instructions before the ledger, by the road of every other client: the HTTP API, at the address of the settings.

The bridge runs in an actor of its own. On a laptop the API listens beside it; in a cluster `host` and `port` must be an address at
which the API answers there too, such as 0.0.0.0 with a replica on every node.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic

from processor.bridges.instructions.tally import Tally
from processor.bridges.instructions.verdicts import Later, Malformed, Paid, Refused, Verdict
from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.outcome import BATCH_PATH, MINIMAL, Outcome, results_of
from processor.client.post import Post
from processor.client.reply import Reply, UnexpectedAnswer
from processor.client.retry import Unavailable
from processor.settings import Settings

HOLD_SECONDS = 600.0
"""How long instructions are kept in hand while the API does not answer. Giving them back to the queue would bring each nearer to the
number of receipts after which SQS itself puts it aside."""
RETRY_SECONDS = 2.0
"""After so long without an answer it is told that the API is not there."""

_PAUSE_SECONDS_MAX = 5.0
_ANSWER_SECONDS = 5.0
"""For the way, beyond the time in which the API answers."""
_MALFORMED = (400, 413, 414, 415)
_NOT_NOW = (401, 403, 408, 429)
_UNSPECIFIED = "The API gave no reason."


class Cashier:
    """One connection to the API, for one task at a time."""

    def __init__(self, settings: Settings, name: str, tally: Tally) -> None:
        """`name` distinguishes it from others that tell the same tally whether the API answers."""
        address = Address(settings.host, settings.port, "", False)
        self._connection = Connection(address, settings.request_timeout_seconds + _ANSWER_SECONDS, RETRY_SECONDS)
        self._post = Post(address, BATCH_PATH, MINIMAL)
        self._name = f"{name}: API"
        self._tally = tally

    async def pay(self, bodies: Sequence[bytes]) -> list[Verdict]:
        """Return what the ledger says to each, in order."""
        reply = await self._send(b'{"payments":[' + b",".join(bodies) + b"]}")
        if reply is None:
            return [Later("the API does not answer")] * len(bodies)
        if reply.status == 200:
            try:
                outcomes = results_of(reply.body, len(bodies))
            except UnexpectedAnswer as error:
                return self._not_now(str(error), len(bodies))
            self._tell(None)
            return [_verdict(outcome) for outcome in outcomes]
        problem = reply.problem()
        if reply.status in (*_MALFORMED, 500):
            # It is about the request as a whole: perhaps only one of them brings that about.
            if len(bodies) > 1:
                middle = len(bodies) // 2
                return [*await self.pay(bodies[:middle]), *await self.pay(bodies[middle:])]
            if reply.status != 500:
                self._tell(None)
                return [Malformed(problem.code or str(reply.status), problem.detail or problem.title or _UNSPECIFIED)]
        return self._not_now(f"it answers {reply.status} {problem}", len(bodies))

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    async def _send(self, body: bytes) -> Reply | None:
        """Return the answer, or None if there was none for so long that the instructions must be given back."""
        deadline, pause = monotonic() + HOLD_SECONDS, 0.5
        while True:
            try:
                return await self._connection.send(self._post.fill(body))
            except Unavailable as error:
                self._tell(f"the API does not take payments: {error}; what is in the queue waits")
            if monotonic() + pause >= deadline:
                return None
            await asyncio.sleep(pause)
            pause = min(2 * pause, _PAUSE_SECONDS_MAX)

    def _not_now(self, reason: str, count: int) -> list[Verdict]:
        self._tell(f"the API at {self._connection.address.url} does not take instructions: {reason}")
        return [Later(reason)] * count

    def _tell(self, problem: str | None) -> None:
        self._tally.tell(self._name, problem)


def _verdict(outcome: Outcome) -> Verdict:
    if outcome.status == 201:
        return Paid(outcome.replayed)
    problem = outcome.problem
    code = problem.code if problem else str(outcome.status)
    reason = (problem.detail or problem.title) if problem else ""
    if outcome.status in _MALFORMED:
        return Malformed(code, reason or _UNSPECIFIED)
    if 400 <= outcome.status < 500 and outcome.status not in _NOT_NOW:
        return Refused(code, reason or _UNSPECIFIED, outcome.payment_id)
    return Later(f"{outcome.status} {problem}")
