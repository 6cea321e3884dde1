"""Bridges of a running instance: killed under load they go on, and one that cannot work keeps nothing else from working."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import psutil

from processor.eventlog.translator import Translator
from processor.journal.postgres import PostgresJournal
from tests.aws import EmulatedAws
from tests.contract.streaming import names_by_key, without_repeats
from tests.system.instance import Instance
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books
from tests.system.ledger.journal_reading import database_url
from tests.system.ledger.waiting import wait_until

SHARDS = 4
KILLS = 2
ANSWERS = 300


def test_a_bridge_that_is_killed_under_load_goes_on_and_one_without_a_target_disturbs_nobody(
    new_instance: Callable[..., Instance], aws: EmulatedAws
) -> None:
    settings = aws.created(shards=SHARDS)
    names = {"aws_endpoint_url": aws.endpoint_url, "kinesis_stream": settings.kinesis_stream, "sns_topic": "not-there"}
    instance = new_instance(shards=SHARDS, bridges="kinesis,sns", **names).start()
    books = Books(instance)
    with BackgroundLoad(books) as load:
        for _ in range(KILLS):
            before = wait_until(lambda: epoch_if_running(instance), "the bridge runs")
            load.wait_for_answers(ANSWERS)
            for process in bridge_processes(instance):
                process.kill()
            wait_until(lambda known=before: epoch_if_running(instance) > known, "another copy has taken over")  # type: ignore[misc]
            load.wait_for_answers(ANSWERS)
        ready = httpx.get(f"{instance.url}/readyz")
    assert ready.status_code == 200
    told = {bridge["name"]: bridge for bridge in ready.json()["bridges"]}
    assert told["sns"]["state"] == "waiting"
    assert "not-there" in told["sns"]["problem"]
    books.check()
    wait_until(lambda: bridge(instance, "kinesis")["lag_records"] == 0, "everything is in the stream")
    arrived = {key: without_repeats(found) for key, found in names_by_key(settings).items()}
    assert arrived == asyncio.run(published_names(instance))
    _, kinesis, sns = instance.run("bridges").stdout.splitlines()
    assert kinesis.split()[:3] == ["kinesis", "running", "0"]
    assert sns.split()[:2] == ["sns", "waiting"]
    assert "not-there" in sns


def bridge(instance: Instance, name: str) -> dict[str, Any]:
    """Return a bridge as the API shows it."""
    (found,) = (each for each in httpx.get(f"{instance.url}/v1/bridges").json()["data"] if each["name"] == name)
    return dict(found)


def epoch_if_running(instance: Instance) -> int:
    """Return the epoch of the bridge to Kinesis, or 0 if it does not run."""
    kinesis = bridge(instance, "kinesis")
    return int(kinesis["epoch"]) if kinesis["state"] == "running" else 0


def bridge_processes(instance: Instance) -> list[psutil.Process]:
    """Return the processes of all bridges."""
    return [process for process in instance.processes() if "BridgeActor" in "".join(process.cmdline())]


async def published_names(instance: Instance) -> dict[str, list[str]]:
    """Return the names of all events that the journal publishes, as the stream should have them."""
    journal = await PostgresJournal.connect(database_url(instance))
    try:
        records = [[record async for record in journal.read(shard, 0)] for shard in range(SHARDS)]
        translator = Translator(journal)
        return {f"shard-{shard}": [event.name for event in await translator.translate(of)] for shard, of in enumerate(records)}
    finally:
        await journal.close()
