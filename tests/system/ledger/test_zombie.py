"""A shard host that was stopped, replaced, and wakes up again: it can change nothing, and shows nothing that is no longer true."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import msgspec
import psutil
import pytest

from processor.core import messages as m
from processor.local.postgres import EmbeddedPostgres
from serve.payments.idempotency import key_digest
from tests.system.instance import ROOT, Instance
from tests.system.ledger.api import get
from tests.system.ledger.background_load import BackgroundLoad
from tests.system.ledger.books import Books
from tests.system.ledger.conftest import SHARD_HOSTS
from tests.system.ledger.hosts import OwnedShard, host_process, owned_shards, wait_until_spread
from tests.system.ledger.payments import CURRENCY, Leg, Payment
from tests.system.ledger.waiting import wait_until

_decode_answers = msgspec.msgpack.Decoder(list[m.AnyAnswer]).decode


class Asker:
    """A process that asks one host directly."""

    def __init__(self, instance: Instance, actor: str) -> None:
        self._actor = actor
        database = EmbeddedPostgres(instance.data_folder / "postgres").running_dsn()
        environment = instance.environment | {"PAYMENTS_DATABASE_URL": database}
        program = Path(__file__).with_name("direct_asker.py")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, program], env=environment, cwd=ROOT, text=True, stdin=pipe, stdout=pipe)
        self._write(actor)
        assert self._read() == "found"

    def ask(self, message: m.AnyMessage) -> None:
        """Send a message without waiting for its answer."""
        self._write(f"{self._actor} {msgspec.msgpack.encode([message]).hex()}")

    def answer(self) -> m.AnyAnswer:
        """Return the answer to the next question that got one."""
        _, _, answers = self._read().partition(" ")
        return _decode_answers(bytes.fromhex(answers))[0]

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def deaf(instance: Instance) -> Iterator[None]:
    """Let no host write a heartbeat, and so learn what has become of its shards: only the journal can still tell."""
    loop = asyncio.new_event_loop()
    server = EmbeddedPostgres(instance.data_folder / "postgres")
    connection = loop.run_until_complete(asyncpg.connect(server.running_dsn()))
    try:
        loop.run_until_complete(connection.execute("BEGIN; LOCK TABLE payments.hosts IN EXCLUSIVE MODE"))
        yield
    finally:
        loop.run_until_complete(connection.close())
        loop.close()


@contextmanager
def stopped(process: psutil.Process) -> Iterator[None]:
    """Stop a process as a machine that hangs would, and let it go on at the end."""
    process.suspend()
    try:
        yield
    finally:
        process.resume()


@pytest.fixture
def victim(ledger: Instance) -> OwnedShard:
    """The first shard of the host that will be stopped."""
    return owned_shards(ledger)[0]


@pytest.fixture
def asker(ledger: Instance, victim: OwnedShard) -> Iterator[Asker]:
    """A process that has asked the victim something already, so that its next question is there at once."""
    found = Asker(ledger, victim.actor)
    found.ask(m.ReadTotals(victim.shard))
    assert isinstance(found.answer(), m.TotalsAnswer)
    yield found
    found.end()


def wait_until_taken_over(instance: Instance, victim: OwnedShard) -> None:
    """Return when other hosts own all shards of the victim."""

    def taken_over() -> bool:
        shards = owned_shards(instance)
        return all(shard.host not in ("", victim.host) for shard in shards) and shards[victim.shard].epoch > victim.epoch

    wait_until(taken_over, "the shards of the stopped host owned by others")


def log_of(instance: Instance, pid: int) -> str:
    """Return what a shard host has logged."""
    return "".join(path.read_text() for path in (instance.data_folder / "logs" / "ray").glob(f"worker-*-{pid}.err"))


def test_a_replaced_writer_is_refused(ledger: Instance, books: Books, victim: OwnedShard, asker: Asker, fault_round: int) -> None:
    account, other = [account for account, shard in books.shards.items() if shard == victim.shard][:2]
    late = Payment(f"{books.world}-late", (Leg(account, other, 1),))
    message = m.Pay(victim.shard, key_digest(account, late.key), bytes(16), account, other, 1, CURRENCY)
    with BackgroundLoad(books) as load:
        load.wait_for_answers(300)
        with stopped(host_process(ledger, victim.pid)):
            wait_until_taken_over(ledger, victim)
            asker.ask(message)
            load.wait_for_answers(300)
            with deaf(ledger):
                host_process(ledger, victim.pid).resume()
                assert isinstance(asker.answer(), m.Unknown | m.NotOwner)
        load.wait_for_answers(300)
    wait_until(lambda: "Fenced" in log_of(ledger, victim.pid), "the log of the replaced host says that it was fenced")
    (outcome,) = books.send([late])
    assert (outcome.status, outcome.replayed) == (201, False), "what the replaced host was asked has taken effect"
    wait_until_spread(ledger, SHARD_HOSTS)
    books.check()


def test_a_replaced_host_answers_no_read_with_what_is_no_longer_true(
    ledger: Instance, books: Books, victim: OwnedShard, asker: Asker, fault_round: int
) -> None:
    account = next(account for account, shard in books.shards.items() if shard == victim.shard)
    with stopped(host_process(ledger, victim.pid)):
        wait_until_taken_over(ledger, victim)
        (outcome,) = books.send([Payment(f"{books.world}-meanwhile", (Leg(books.world, account, 7),))])
        assert outcome.status == 201
        wait_until(lambda: get(f"{ledger.url}/v1/accounts/{account}").json()["posted"] == 2007, "the payment is settled")
        # It waits in the stopped process, which will find it before it can have heard anything else.
        asker.ask(m.ReadAccount(victim.shard, account))
        with deaf(ledger):
            host_process(ledger, victim.pid).resume()
            assert isinstance(asker.answer(), m.Unknown | m.NotOwner)
    wait_until_spread(ledger, SHARD_HOSTS)
    books.check()


def test_a_host_that_keeps_silent_is_replaced(ledger: Instance, books: Books, victim: OwnedShard) -> None:
    with BackgroundLoad(books) as load:
        load.wait_for_answers(100)
        silent = host_process(ledger, victim.pid)
        silent.suspend()
        assert victim.host not in {shard.host for shard in wait_until_spread(ledger, SHARD_HOSTS)}
        silent.wait(30)
        load.wait_for_answers(100)
    books.check()
