"""One run from a seed: a phase of work and faults, a phase of healing in which everything must come to an end, and the checks."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from actors.router import Router
from tests.audit.journal_audit import JournalAudit
from tests.audit.observed_ledger import ObservedLedger
from tests.audit.travels import must
from tests.cluster import START
from tests.simulation.answers import check_answers
from tests.simulation.archive_connection import read_on
from tests.simulation.clients import Client
from tests.simulation.final_state import check_final_state, is_at_rest
from tests.simulation.network import connector
from tests.simulation.operator import Operator
from tests.simulation.plan import draw
from tests.simulation.store_connection import StoreConnection
from tests.simulation.virtual_loop import Process
from tests.simulation.workload import Command, Workload
from tests.simulation.world import Machine, World

REST_SECONDS_MAX = 120.0
REQUEST_TIMEOUT_SECONDS = 0.6
ROUTER_QUEUE_MESSAGES = 40
COMMANDS = 150
GIVE_UP_MICROSECONDS = 700_000


@dataclass(frozen=True)
class Report:
    """How a run went that broke no promise."""

    seed: int
    trace_hash: str
    commands: int
    payments: int
    records: int
    virtual_seconds: float


@contextmanager
def virtual_clocks(world: World) -> Iterator[None]:
    """Let the real parts read the virtual time, each process its own clock, and observe the order of events."""

    def time_ns() -> int:
        seconds = world.loop.time() + world.loop.process.clock_offset_seconds
        return (START + int(seconds * 1_000_000)) * 1000

    with (
        patch("processor.clock.time_ns", time_ns),
        patch("actors.commit_loop.perf_counter", world.loop.time),
        patch("actors.router.monotonic", world.loop.time),
        patch("actors.commit_loop.Ledger", ObservedLedger),
        # Outages are shorter here than in the world, so homes lose their patience sooner too.
        patch("processor.core.travel.GIVE_UP_MICROSECONDS", GIVE_UP_MICROSECONDS),
    ):
        logging.disable()
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def simulate(seed: int, commands: int = COMMANDS, print_trace: bool = False) -> Report:
    """Run a seed. Raises JournalLies or Stuck if a promise is broken."""
    world = World(draw(seed, commands), print_trace)
    with virtual_clocks(world):
        try:
            return world.loop.run_until_complete(_run(world))
        finally:
            world.loop.close()


async def _run(world: World) -> Report:
    plan = world.plan
    world.trace(str(plan))
    operator = Operator(world)
    for _ in range(plan.hosts):
        operator.start_host()
    workload = Workload(world.random, plan.shards, plan.accounts)
    clients = _clients(world, workload)
    await _open_accounts(clients[0], workload)
    world.spawn(Process("archive"), read_on(world))
    accidents = world.spawn(Process("operator"), operator.cause_accidents())
    share = -(-plan.commands // plan.clients)
    await asyncio.gather(*(client.run(share) for client in clients))
    accidents.cancel()
    operator.heal()
    await _come_to_rest(world, clients)
    history = [command for client in clients for command in client.history]
    audit = _audit(world, workload)
    check_answers(history, audit)
    await check_final_state(world, audit)
    must(not world.loop.failures, f"something raised: {world.loop.failures}")
    return Report(plan.seed, world.trace_hash(), len(history), len(audit.outcomes), len(world.journal.appends), world.loop.time())


def _clients(world: World, workload: Workload) -> list[Client]:
    """Return the clients, spread over two API processes with a router each."""
    clients = []
    for number in range(2):
        process = Machine(f"api-{number}")
        world.api_replicas.append(process)
        router = Router(
            StoreConnection(world, process), connector(world, process), REQUEST_TIMEOUT_SECONDS, ROUTER_QUEUE_MESSAGES
        )
        world.spawn(process, router.run())
        for position in range(number, world.plan.clients, 2):
            clients.append(Client(f"client-{position}", world, router, workload))
    return clients


async def _open_accounts(client: Client, workload: Workload) -> None:
    """Open the accounts before anything else is asked for, as far as the faults let it."""
    group = [Command(message) for message in workload.openings()]
    client.history.extend(group)
    await client.ask(group)


async def _come_to_rest(world: World, clients: list[Client]) -> None:
    """Every command gets its answer, every shard is served, and nothing travels any more."""
    deadline = world.loop.time() + REST_SECONDS_MAX
    while world.loop.time() < deadline:
        for client in clients:
            unanswered = [command for command in client.history if command.answer is None]
            for start in range(0, len(unanswered), 10):
                await client.ask(unanswered[start : start + 10])
        is_answered = all(command.answer is not None for client in clients for command in client.history)
        if is_answered and is_at_rest(world):
            return
        await asyncio.sleep(0.5)
    waiting = [command.message for client in clients for command in client.history if command.answer is None]
    must(False, f"after {REST_SECONDS_MAX} s without faults, {len(waiting)} commands have no answer: {waiting[:3]}")


def _audit(world: World, workload: Workload) -> JournalAudit:
    """Read the journal in the order in which it was written."""
    audit = JournalAudit(world.plan.shards, workload.asked)
    for append in world.journal.appends:
        audit.archived = append.archived
        audit.append(append.records, append.order, append.held)
    audit.check_books()
    return audit
