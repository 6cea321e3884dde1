"""Sending a plan: accounts, funds, two loads with a killed shard host in the middle of each, and everything once again."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from processor.client.accounts import open_accounts
from processor.client.address import Address
from processor.client.load import LoadResult, run_batches, run_single
from processor.client.outcome import Outcome, outcome_of
from processor.client.reply import Reply
from processor.demo.books import Books, fate_of
from processor.demo.holds import Holds
from processor.demo.outage import Outage, find_victim, kill_shard_host
from processor.demo.plan import Payment, Plan, batch_of, groups
from processor.demo.shard_hosts import NotOurs

BATCH_CONNECTIONS = 4
SINGLE_CONNECTIONS = 64
Progress = Callable[[int], None]


class Load(msgspec.Struct, frozen=True):
    """A load that was sent. `outage` is None if no host was killed; `not_killed` then says why (empty: nobody asked for it)."""

    result: LoadResult
    outage: Outage | None
    not_killed: str

    @property
    def was_spared(self) -> bool:
        """Whether a host should have been killed and was not."""
        return self.outage is None and bool(self.not_killed)


class Run:
    """Sends the plan to the instance and keeps the books. All its methods raise Unavailable and UnexpectedAnswer."""

    def __init__(self, address: Address, plan: Plan, kill: bool) -> None:
        self.books = Books()
        self._address = address
        self._plan = plan
        self._kill = kill
        self._probes: dict[int, str] = {}
        self._holds = Holds(address, plan.holds, self.books)

    async def open_accounts(self) -> None:
        """Open all accounts, and find one on each shard to watch it by."""
        for currency, accounts in self._plan.accounts.items():
            await open_accounts(self._address.url, [self._plan.worlds[currency]], currency, None)
            for account in await open_accounts(self._address.url, accounts, currency, 0):
                self._probes.setdefault(account.as_of.shard, account.id)

    async def fund(self) -> None:
        """Bring money from the worlds to the accounts."""
        await self._send_batches(self._plan.funding, lambda done: None)

    async def send_batches(self, progress: Progress) -> Load:
        """Send the payments that go in batches; kill a shard host half-way."""
        half = _Half(len(self._plan.in_batches), progress)
        return await self._with_kill(lambda: self._send_batches(self._plan.in_batches, half.show), half)

    async def send_single(self, progress: Progress) -> Load:
        """Send the payments that go one by one; kill a shard host half-way."""
        payments = self._plan.single
        half = _Half(len(payments), progress)
        done = 0

        def observe(index: int, reply: Reply) -> None:
            nonlocal done
            done += 1
            self.books.settle(payments[index], fate_of(outcome_of(reply)))
            half.show(done)

        bodies = [(payment.key.encode(), payment.body()) for payment in payments]
        return await self._with_kill(lambda: run_single(self._address.url, bodies, SINGLE_CONNECTIONS, observe), half)

    async def send_holds(self, progress: Progress) -> LoadResult:
        """Reserve money, and capture, void and refund."""
        return await self._holds.send(progress)

    async def send_again(self, progress: Progress) -> None:
        """Send everything once more, the payments in batches: each must get the answer that it got before."""
        await self._send_batches(self._plan.payments, progress)
        await self._holds.send_again()

    async def _send_batches(self, payments: list[Payment], progress: Progress) -> LoadResult:
        sent = groups(payments)
        done = 0

        def observe(index: int, outcomes: list[Outcome]) -> None:
            nonlocal done
            done += len(outcomes)
            for payment, outcome in zip(sent[index], outcomes, strict=True):
                self.books.settle(payment, fate_of(outcome))
            progress(done)

        return await run_batches(self._address.url, [batch_of(group) for group in sent], BATCH_CONNECTIONS, observe)

    async def _with_kill(self, load: Callable[[], Coroutine[Any, Any, LoadResult]], half: "_Half") -> Load:
        if not self._kill:
            return Load(await load(), None, "")
        try:
            # Found beforehand, so that half-way nothing is left to do but to kill it.
            victim = await find_victim(self._address)
        except NotOurs as error:
            return Load(await load(), None, str(error))

        async def kill() -> Outage:
            await half.reached.wait()
            return await kill_shard_host(victim, self._address, self._probes)

        watch = asyncio.create_task(kill())
        try:
            result = await load()
            return Load(result, await watch, "")
        finally:
            watch.cancel()


class _Half:
    """Passes progress on, and tells when half of the load has been answered."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.reached = asyncio.Event()
        self._total = total
        self._progress = progress

    def show(self, done: int) -> None:
        self._progress(done)
        if 2 * done >= self._total:
            self.reached.set()
