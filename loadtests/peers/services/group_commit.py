"""The peer with group commit in its process: whatever has gathered while the last call ran goes to the database in the next one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import asyncpg

from loadtests.peers.services.application import create_app
from loadtests.peers.services.pool import open_pool
from loadtests.peers.services.request import Pay, PaymentRequest, Refused

GROUP_MAX = 1_000
_CALL = "SELECT payment_id, refusal FROM make_payments($1, $2, $3, $4, $5)"

_Waiting = tuple[str, PaymentRequest, asyncio.Future[str]]


class Lane:
    """Makes payments in groups, one group at a time. The server's limit of connections bounds how many can wait."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()

    async def pay(self, key: str, request: PaymentRequest) -> str:
        """Make the payment with the next group. Raises Refused, and what the database raises."""
        made: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, request, made))
        self._arrived.set()
        return await made

    async def run(self) -> None:
        """Make payments until cancelled."""
        while True:
            await self._arrived.wait()
            group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
            if not self._waiting:
                self._arrived.clear()
            await self._make(group)

    async def _make(self, group: Sequence[_Waiting]) -> None:
        keys, requests = [key for key, _, _ in group], [request for _, request, _ in group]
        payers, payees = [request.payer for request in requests], [request.payee for request in requests]
        amounts, currencies = [request.amount for request in requests], [request.currency for request in requests]
        try:
            rows = await self._connection.fetch(_CALL, keys, payers, payees, amounts, currencies)
        except Exception as error:  # Whatever it is, those who wait must hear of it, and the lane goes on.
            for _, _, made in group:
                if not made.done():
                    made.set_exception(error)
            return
        for (_, _, made), (payment, refusal) in zip(group, rows, strict=True):
            if made.done():  # Its client has gone.
                continue
            if refusal is None:
                made.set_result(str(payment))
            else:
                made.set_exception(Refused(refusal))


@asynccontextmanager
async def open_payer() -> AsyncIterator[Pay]:
    """Give what makes payments: one lane on one connection."""
    async with open_pool(1) as pool, pool.acquire() as connection:
        lane = Lane(connection)
        running = asyncio.create_task(lane.run())
        yield lane.pay
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


app = create_app(open_payer)
