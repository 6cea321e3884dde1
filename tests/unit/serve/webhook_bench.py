"""A ledger with webhooks at work: the API, the bridge that sends, and a look behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx

from processor.bridges.cursors import take_over
from processor.bridges.webhooks.work import Webhooks
from processor.bridges.work import Term
from processor.journal.postgres import PostgresJournal
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from processor.settings import Settings
from tests.unit.serve.calls import pay

TIMEOUT_SECONDS = 1.0


class Bench:
    """`api` is a client of the ledger with the accounts `world`, `alice` and `bob`."""

    def __init__(self, database_url: str, api: httpx.AsyncClient) -> None:
        self.database_url = database_url
        self.api = api
        self._keys = 0

    async def register(self, url: str, **body: object) -> dict[str, Any]:
        """Register a webhook; return it with its secret."""
        answer = await self.api.post("/v1/webhooks", json={"url": url, **body})
        assert answer.status_code == 201, answer.text
        webhook: dict[str, Any] = answer.json()
        return webhook

    async def pay(self, amount: int = 1, **body: object) -> str:
        """Pay from world to alice; return the payment's id."""
        self._keys += 1
        answer = await pay(self.api, f"bench-{self._keys}", **{"from": "world", "to": "alice", "amount": amount, **body})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def deliveries(self, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
        """Return the log, newest first."""
        answer = await self.api.get(f"/v1/webhooks/{webhook['id']}/deliveries{query}")
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    async def until(self, webhook: dict[str, Any], **members: object) -> dict[str, Any]:
        """Return the newest delivery as soon as it looks so."""
        while True:
            found = await self.deliveries(webhook)
            if found and all(found[0][name] == value for name, value in members.items()):
                return found[0]
            await asyncio.sleep(0.02)

    async def tried(self, webhook: dict[str, Any], attempts: int) -> dict[str, Any]:
        """Return the newest delivery as soon as it was tried so often, or more often."""
        while True:
            found = await self.deliveries(webhook)
            if found and found[0]["attempts"] >= attempts:
                return found[0]
            await asyncio.sleep(0.02)

    async def run(self, statement: str, *arguments: object) -> Any:
        """Run a statement on the database and return its first value."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetchval(statement, *arguments)
        finally:
            await connection.close()

    async def hurry(self) -> None:
        """Let all pauses before the next attempts be over, and all claims."""
        await self.run("UPDATE payments.webhook_deliveries SET due_at = now() WHERE status = 'pending'")

    @asynccontextmanager
    async def sending(self, *, allowed: str = "127.0.0.0/8", copies: int = 1) -> AsyncIterator[list["asyncio.Task[None]"]]:
        """Let so many copies of the bridge be at work. `term` is the newest one's."""
        settings = Settings(
            database_url=self.database_url,
            webhook_allowed_networks=allowed,
            webhook_timeout_seconds=TIMEOUT_SECONDS,
            bridge_share=1.0,
        )
        journal = await PostgresJournal.connect(self.database_url)
        links = [Link(self.database_url, DEFAULT_TIMEOUTS) for _ in range(copies)]
        tasks = []
        for link in links:
            self.term = Term(await take_over(link, "webhooks"))
            tasks.append(asyncio.create_task(Webhooks(settings, journal, link).run(self.term)))
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for link in links:
                await link.close()
            await journal.close()
