"""Streams of events over a real connection: nothing is lost, nothing comes twice, nobody is held up."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from serve.events import hub, stream, streams
from serve.routed_ledger import RoutedLedger
from tests.unit.actors.rounds import until
from tests.unit.serve.calls import item, pay, pay_batch
from tests.unit.serve.event_client import Running, following, running_api, slow_connection
from tests.unit.serve.test_event_routes import events_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def running(ledger: RoutedLedger) -> AsyncIterator[Running]:
    async with running_api(ledger) as running:
        yield running


async def pay_some(api: httpx.AsyncClient, name: str, count: int = 20) -> None:
    answer = await pay_batch(api, *(item(f"{name}-{number}".replace(" ", "-")) for number in range(count)))
    assert {result["status"] for result in answer.json()["results"]} == {201}


async def names_of(api: httpx.AsyncClient, **parameters: str) -> list[str]:
    return [event["id"] for event in await events_of(api, **parameters)]


async def test_a_stream_gives_what_was_and_then_what_happens(api: httpx.AsyncClient, running: Running) -> None:
    before = await names_of(api)
    async with following(running.url) as reader:
        assert await reader.take(len(before)) == before
        for number in range(3):
            await pay_some(api, f"round {number}", 2)
            expected = (await names_of(api))[len(before) :]
            assert await reader.take(len(expected)) == expected
            before += expected


async def test_who_comes_back_with_the_last_id_gets_every_event_once(api: httpx.AsyncClient, running: Running) -> None:
    cursor, taken = None, list[str]()
    for number in range(8):
        await pay_some(api, f"round {number}", 7)
        async with following(running.url, cursor) as reader:
            taken += await reader.take(5 + number % 3)  # It ends in the middle of records.
            cursor = reader.cursor
    everything = await names_of(api)
    async with following(running.url, cursor) as reader:
        taken += await reader.take(len(everything) - len(taken))
    assert taken == everything


async def test_who_has_not_got_an_event_yet_has_a_place_to_come_back_to(api: httpx.AsyncClient, running: Running) -> None:
    async with following(running.url, after="latest", type="payment.held") as reader:
        waiting = asyncio.create_task(reader.next())
        await until(lambda: reader.cursor)
        waiting.cancel()
    await pay_some(api, "meanwhile", 3)
    async with following(running.url, reader.cursor) as back:
        expected = await names_of(api, after=reader.cursor)
        assert len(expected) >= 3
        assert await back.take(len(expected)) == expected


async def test_filters_hold_for_the_past_and_for_what_happens(api: httpx.AsyncClient, running: Running) -> None:
    await pay_some(api, "before", 3)
    async with following(running.url, account="bob", type="balances.*,payment.*") as reader:
        expected = await names_of(api, account="bob", type="balances.*,payment.*")
        assert await reader.take(len(expected)) == expected
        await pay(api, "not his", **{"from": "world", "to": "alice", "amount": 1})
        await pay_some(api, "after", 3)
        expected = (await names_of(api, account="bob", type="balances.*,payment.*"))[len(expected) :]
        assert await reader.take(len(expected)) == expected


async def test_an_event_is_translated_once_for_all_streams_at_the_end(
    api: httpx.AsyncClient, running: Running, ledger: RoutedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    encode = hub.encode_event
    monkeypatch.setattr(hub, "encode_event", lambda event: (encoded.append(event.name), encode(event))[1])
    async with (
        following(running.url, after="latest") as first,
        following(running.url, after="latest") as second,
        following(running.url, after="latest", type="payment.*") as third,
    ):
        own = running.app._site.streams._hub
        await until_time_passes(lambda: own is not None and own._joined == 3)
        readers = [asyncio.create_task(reader.take(12)) for reader in (first, second, third)]
        await pay_some(api, "live", 12)
        taken = await asyncio.gather(*readers)
    assert taken[0] == taken[1]
    assert len(encoded) == len(set(encoded))
    assert set(taken[0]) | set(taken[2]) <= set(encoded)


async def until_time_passes(condition: object) -> None:
    for _ in range(500):
        if condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.01)
    raise AssertionError("what the test waits for does not happen")


async def test_nobody_looks_into_the_journal_when_no_stream_is_open(
    api: httpx.AsyncClient, running: Running, ledger: RoutedLedger
) -> None:
    async with following(running.url, after="latest") as reader:
        await pay_some(api, "live", 1)
        await reader.take(1)
    await until_time_passes(lambda: running.app.streams == 0)
    looks = 0
    tail = ledger.reads.events.journal.tail

    async def counted(*arguments: object) -> object:
        nonlocal looks
        looks += 1
        return await tail(*arguments)  # type: ignore[arg-type]

    ledger.reads.events.journal.tail = counted  # type: ignore[method-assign,assignment]
    await asyncio.sleep(0.2)
    assert looks == 0


async def test_a_slow_client_costs_little_memory_and_loses_nothing(
    api: httpx.AsyncClient, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "KEPT_BYTES_MAX", 100_000)
    connection = slow_connection(running.port)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, b"GET /v1/events/stream?type=payment.succeeded HTTP/1.1\r\nHost: x\r\n\r\n")
    await until_time_passes(lambda: running.app.streams)
    [serving] = running.server.server_state.connections
    for number in range(12):  # Twelve times 500 payments, more than seven megabytes of events.
        await pay_batch(api, *(item(f"{number}-{place}", amount=1, **{"from": "world"}) for place in range(500)))
    await until_time_passes(lambda: serving.transport.get_write_buffer_size() > 0)
    await asyncio.sleep(0.2)
    assert serving.transport.get_write_buffer_size() < 200_000
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
    received = bytearray()
    expected = 1 + 12 * 500
    while received.count(b"\nevent: ") < expected:
        part = await asyncio.wait_for(loop.sock_recv(connection, 1_000_000), 30)
        assert part, "the stream has ended"
        received += part
    assert received.count(b"\nevent: ") == expected
    connection.close()


async def test_who_falls_behind_the_kept_batches_reads_the_journal(
    api: httpx.AsyncClient, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "KEPT_BATCHES_MAX", 1)
    monkeypatch.setattr(hub, "BATCH_EVENTS_MAX", 1)
    before = len(await names_of(api))
    async with following(running.url, after="latest") as reader:
        reading = asyncio.create_task(reader.take(80))
        for number in range(20):
            await pay_some(api, f"round {number}", 10)
        assert await reading == (await names_of(api))[before : before + 80]


async def test_a_silent_stream_says_now_and_then_that_it_is_there(
    api: httpx.AsyncClient, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.02)
    async with following(running.url, after="latest", type="payment.held") as reader:
        waiting = asyncio.create_task(reader.next())
        await until_time_passes(lambda: reader.comments > 3)
        waiting.cancel()


async def test_there_are_so_many_streams_and_no_more(
    api: httpx.AsyncClient, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STREAMS_MAX", 1)
    async with following(running.url, after="latest"):
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"{running.url}/v1/events/stream")
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert "retry-after" in answer.headers
        in_flight = running.app.metrics.in_flight.value
        assert in_flight == 0, "a stream is no load"
    await until_time_passes(lambda: running.app.streams == 0)
    async with following(running.url) as reader:
        await reader.take(1)
    async with httpx.AsyncClient() as client:
        assert (await client.head(f"{running.url}/v1/events/stream")).status_code == 200


async def test_a_server_that_ends_ends_its_streams_whole(api: httpx.AsyncClient, ledger: RoutedLedger) -> None:
    async with running_api(ledger) as running:
        async with following(running.url) as first, following(running.url, after="latest") as second:
            taken = await first.take(2)
            running.server.should_exit = True
            with pytest.raises(StopAsyncIteration):
                await second.next()
            with pytest.raises(StopAsyncIteration):
                while True:
                    taken.append((await first.next()).event["id"])
        await running.serving
        assert running.app.streams == 0
    async with running_api(ledger) as running, following(running.url, first.cursor) as reader:
        await pay_some(api, "later", 1)
        everything = await names_of(api)
        assert taken + await reader.take(len(everything) - len(taken)) == everything
