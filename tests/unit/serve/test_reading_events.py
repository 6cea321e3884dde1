"""The command line's reader of events against a real API, over connections that break."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice

import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result

from processor.cli.events import events
from processor.client.address import Address
from processor.client.events import EventReader
from processor.client.reply import UnexpectedAnswer
from processor.client.retry import Unavailable
from serve.routed_ledger import RoutedLedger
from tests.unit.serve.calls import pay
from tests.unit.serve.event_client import Running, running_api
from tests.unit.serve.test_event_routes import lead_a_life
from tests.unit.serve.test_event_streams import names_of, pay_some

pytestmark = pytest.mark.anyio


@pytest.fixture
async def running(ledger: RoutedLedger) -> AsyncIterator[Running]:
    async with running_api(ledger) as running:
        yield running


@asynccontextmanager
async def breaking(port: int, *lasts: int) -> AsyncIterator[int]:
    """Give the port of a way to `port` whose connections break, each after so many bytes of answers; later ones do not."""
    lives = iter(lasts)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = next(lives, 10**9)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            far_writer.write(await reader.readuntil(b"\r\n\r\n"))
            while left > 0 and (part := await far_reader.read(min(left, 65_536))):
                writer.write(part)
                await writer.drain()
                left -= len(part)
            writer.transport.abort()
            far_writer.transport.abort()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def taken(events: Iterator[bytes], count: int) -> list[str]:
    return [msgspec.json.decode(body)["id"] for body in islice(events, count)]


async def test_following_over_connections_that_break_gives_every_event_once(api: httpx.AsyncClient, running: Running) -> None:
    await pay_some(api, "before", 30)
    expected = await names_of(api)
    async with breaking(running.port, 300, 900, 2_500, 2_501, 7_000, 0, 9_000) as port:
        reader = EventReader(Address("127.0.0.1", port, "", False))
        following = reader.follow()
        found = await asyncio.to_thread(taken, following, len(expected))
        await pay_some(api, "after", 30)
        more = (await names_of(api))[len(expected) :]
        found += await asyncio.to_thread(taken, following, len(more))
        following.close()
    assert found == expected + more
    assert reader.reconnections == 7


async def test_reading_to_the_end_goes_on_where_an_answer_broke_off(api: httpx.AsyncClient, running: Running) -> None:
    await pay_some(api, "many", 400)
    async with breaking(running.port, 10**9, 1_000, 0, 40_000) as port:
        reader = EventReader(Address("127.0.0.1", port, "", False))
        found = await asyncio.to_thread(taken, reader.to_the_end(), 10_000)
    assert found == await names_of(api)
    assert len(found) > 400


async def test_what_cannot_be_read_is_told_in_one_sentence(api: httpx.AsyncClient, running: Running) -> None:
    with pytest.raises(UnexpectedAnswer, match="is not a type of event"):
        await asyncio.to_thread(next, EventReader(Address("127.0.0.1", running.port, "", False), types="payment.dreamt").follow())
    async with breaking(1) as port:
        for read in (EventReader.follow, EventReader.to_the_end):
            with pytest.raises(Unavailable, match="does not answer"):
                await asyncio.to_thread(next, read(EventReader(Address("127.0.0.1", port, "", False))))


async def command(running: Running, *arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, events, ["--url", running.url, *arguments])


async def test_the_command_prints_a_line_for_each_event(api: httpx.AsyncClient, running: Running) -> None:
    held = await lead_a_life(api)
    await pay(api, "named", reference="order 7", legs=[
        {"from": "alice", "to": "bob", "amount": 2, "currency": "EUR"}, {"from": "world", "to": "bob", "amount": 3, "currency": "EUR"},
    ])  # fmt: skip
    done = await command(running)
    lines = done.stdout.splitlines()
    assert (done.exit_code, len(lines)) == (0, len(await names_of(api)))
    for said in (
        "account.opened          alice  [alice 0 EUR]",
        f"payment.held            {held}  alice -> bob 30 EUR (held) [",
        f"payment.captured        {held}  alice -> bob 20 EUR (succeeded) [",
        f"payment.refunded        {held}  alice -> bob 5 EUR (partially_refunded) [",
        "payment refused: insufficient_funds (req_",
        "alice -> bob 2 EUR, world -> bob 3 EUR (succeeded) reference 'order 7' [",
    ):
        assert any(said in line for line in lines), said
    done = await command(running, "--json", "--type", "payment.held,payment.captured", "--account", "alice")
    assert [msgspec.json.decode(line)["type"] for line in done.stdout.splitlines()] == ["payment.held", "payment.captured"]
    done = await command(running, "--after", "latest")
    assert (done.exit_code, done.stdout) == (0, "")
    done = await command(running, "--after", "nonsense")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: the API answered 400: invalid_parameter: `after`")


async def test_the_command_follows_until_it_is_interrupted_and_ends_quietly(api: httpx.AsyncClient, running: Running) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "processor.cli.main", "events", "--follow", "--json", "--url", running.url,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert program.stdout is not None
    found = [msgspec.json.decode(await program.stdout.readline())["id"] for _ in await names_of(api)]
    await pay_some(api, "live", 2)
    more = (await names_of(api))[len(found) :]
    found += [msgspec.json.decode(await program.stdout.readline())["id"] for _ in more]
    assert found == await names_of(api)
    program.send_signal(signal.SIGINT)
    rest, errors = await program.communicate()
    assert (rest, errors, program.returncode) == (b"", b"", 0)
