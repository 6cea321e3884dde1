"""The auditor with everything that it asks: journal, read model and live shard hosts."""

import asyncio
from functools import partial

from actors.connections import connect_archive, connect_journal
from actors.door_handle import DoorHandle
from actors.live_witness import LiveWitness
from actors.router import Router
from processor.audit.auditor import Auditor, Witness
from processor.audit.read_model_witness import ReadModelWitness
from processor.audit.store import PostgresAuditStore
from processor.settings import Settings

_QUEUE_LIMIT_MESSAGES = 1_000


async def keep_auditing(settings: Settings) -> None:
    """Audit until cancelled. Raises JournalUnavailable if the database cannot be reached at the start."""
    journal, shard_map = await connect_journal(settings)
    archive = await connect_archive(settings, journal)
    connect = partial(DoorHandle, shard_map=shard_map)
    router = Router(shard_map, connect, settings.request_timeout_seconds, _QUEUE_LIMIT_MESSAGES)
    witnesses: dict[str, Witness] = {
        "the live shard host": LiveWitness(router),
        "the read model": await ReadModelWitness.connect(settings.database_url),
    }
    store = await PostgresAuditStore.connect(settings.database_url)
    auditor = Auditor(journal, store, witnesses, archive.positions, settings.audit_share)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(router.run())
        tasks.create_task(auditor.run())
