"""`payments bridges`, against a database beside which no instance runs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from click.testing import CliRunner, Result

from processor.bridges.cursors import Cursors, take_over
from processor.bridges.sink import Rejection
from processor.cli import bridges as command
from processor.journal.postgres.link import DEFAULT_TIMEOUTS, Link
from tests.contract.bridging import event_at, make_scene


@pytest.fixture
def bridged_url(database_url: str) -> str:
    """The URL of a ledger with three records, of which the bridge `sns` has carried two, with a dead letter in the second."""

    async def make() -> None:
        scene = await make_scene(database_url)
        await scene.write(0, 1, 1)
        cursors = Cursors(scene.link, "sns", await take_over(scene.link, "sns"))
        await cursors.read({0: 0, 1: 0})
        await cursors.advance({0: 2, 1: 1}, [Rejection(event_at(0, 2), "it is too large")])
        await scene.close()

    asyncio.run(make())
    return database_url


def run(url: str, *arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(command.bridges, arguments, env={"PAYMENTS_DATABASE_URL": url, "PAYMENTS_BRIDGES": "sns,kinesis"})


def on_database(url: str, action: Callable[[Link], Awaitable[object]]) -> object:
    """Do something with the database."""

    async def act() -> object:
        link = Link(url, DEFAULT_TIMEOUTS)
        found = await action(link)
        await link.close()
        return found

    return asyncio.run(act())


async def positions(link: Link) -> dict[int, int]:
    rows = await link.fetch("SELECT shard, sequence FROM payments.bridge_cursors WHERE bridge = 'sns'")
    return {row["shard"]: row["sequence"] for row in rows}


def test_it_shows_every_bridge_that_runs_or_should_run(bridged_url: str) -> None:
    done = run(bridged_url)
    assert done.exit_code == 0
    heading, kinesis, sns = (line.split() for line in done.stdout.splitlines())
    assert heading[:4] == ["bridge", "state", "records", "behind"]
    assert kinesis[:4] == ["kinesis", "silent", "-", "-"]
    assert sns[:3] == ["sns", "starting", "1"]
    assert sns[4:] == ["0", "1", "0"]


def test_it_puts_a_bridge_back(bridged_url: str) -> None:
    assert run(bridged_url, "rewind", "sns", "--to", "0:2", "--to", "1:1").exit_code == 0
    assert on_database(bridged_url, positions) == {0: 1, 1: 0}
    assert run(bridged_url, "rewind", "sns", "--to", "start").exit_code == 0
    assert on_database(bridged_url, positions) == {0: 0, 1: 0}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("rewind", "sns", "--to", "0:4"), "payments: 0:4 is not behind what the bridge sns has carried over"),
        (("rewind", "sns", "--to", "9:1"), "payments: the bridge sns has no cursor for a shard 9"),
        (("rewind", "redis", "--to", "start"), "payments: the bridge redis has never run"),
        (("restart", "redis"), "payments: the bridge redis has never run"),
        (("rewind", "sns", "--to", "0"), "0 is neither `start`, alone, nor a record such as 3:120"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(bridged_url: str, arguments: tuple[str, ...], told: str) -> None:
    done = run(bridged_url, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr.splitlines()[-1]


def test_it_shows_dead_letters_and_asks_for_another_try(bridged_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "REDRIVE_SECONDS", 0.0)
    assert run(bridged_url, "dead-letters", "sns").stdout.splitlines()[1].split()[:3] == ["0:2:0", "account.opened", "account"]
    assert run(bridged_url, "redrive", "sns").stdout.startswith("1 of 1 wait for the bridge sns")
    assert on_database(bridged_url, lambda link: Cursors(link, "sns", 1).to_redrive(9)) == [(0, 2, 0)]
    assert run(bridged_url, "redrive", "kinesis").stdout == "The bridge kinesis has no dead letters.\n"
