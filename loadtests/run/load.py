"""One load test from the first account to the result."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from secrets import token_hex

from loadtests.bench.machine import this_machine
from loadtests.measures.measurements import merged
from loadtests.measures.part import Part
from loadtests.report.result import Result, make_result
from loadtests.run.money_audit import audit
from loadtests.run.options import LoadOptions
from loadtests.run.outage import KilledHost, kill_host
from loadtests.run.processes import LocustProcesses
from loadtests.run.target import Target
from loadtests.run.unresolved import expected_balances, resolve
from loadtests.scenarios.plan import Plan
from loadtests.scenarios.templates import CURRENCY, make_templates
from processor.client.accounts import Account, open_accounts
from processor.client.connection import Connection
from processor.demo.shard_hosts import read_shards

Say = Callable[[str], None]


async def run_load(target: Target, options: LoadOptions, say: Say) -> Result:
    """Put the load on the instance, audit it, and return what was found.

    Raises CannotRun, CannotStart, Unavailable, UnexpectedAnswer, OSError.
    """
    machine = this_machine()
    plan = await _plan(target, options)
    say(f"opening {plan.accounts:,} accounts")
    accounts = await open_accounts(target.address.url, plan.account_ids, CURRENCY, None)
    say(_announcement(plan, options))
    parts, killed = await _send(target, plan, options, accounts, say)
    plan = parts[0].plan
    say("making sure of requests without an answer, and auditing the money")
    templates = {part.process: make_templates(plan, part.process) for part in parts}
    resolved = await resolve(plan, parts, templates)
    expected, payments = expected_balances(plan, parts, templates, resolved)
    found = await audit(target, expected, payments, len(resolved))
    return make_result(plan, merged(part.measurements for part in parts), found, killed, machine, target.other_settings)


async def _plan(target: Target, options: LoadOptions) -> Plan:
    async with Connection(target.address) as connection:
        shards = await read_shards(connection)
    hosts = sorted({shard.host for shard in shards})
    groups = tuple(hosts.index(shard.host) if len(hosts) > 1 else shard.shard for shard in shards)
    return Plan(
        scenario=options.scenario,
        run=f"lt-{token_hex(4)}",
        seed=options.seed,
        url=target.address.url,
        rate=options.payments_a_second,
        seconds=options.run_seconds,
        shape=options.shape,
        arrivals=options.arrivals,
        is_closed=options.closed,
        users=options.users,
        connections=options.connections,
        processes=max(options.workers, 1),
        timeout_seconds=options.timeout,
        accounts=options.accounts,
        shard_groups=groups,
        folder=str(options.folder),
    )


def _announcement(plan: Plan, options: LoadOptions) -> str:
    if options.web_port is not None:
        return f"start and stop runs at http://127.0.0.1:{options.web_port}; Ctrl-C here ends with the audit and the last run's report"
    loop = (
        f"{plan.users} users who wait for answers" if plan.is_closed else f"{plan.rate:,.0f} payments/s offered, {plan.arrivals}"
    )
    return f"{plan.scenario}: {loop}, {plan.shape}, for {plan.seconds:g} s"


async def _send(
    target: Target, plan: Plan, options: LoadOptions, accounts: list[Account], say: Say
) -> tuple[list[Part], KilledHost | None]:
    processes = LocustProcesses(plan, options.web_port, say)
    tasks: list[asyncio.Task[KilledHost]] = []
    try:
        if plan.of.kills_host:
            probes = {account.as_of.shard: account.id for account in accounts}
            tasks.append(asyncio.create_task(kill_host(target, probes, processes.started, plan.seconds)))
        with _interrupt_ends(processes):
            parts = await processes.finished()
        return parts, await tasks[0] if tasks else None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.to_thread(processes.stop)


@contextmanager
def _interrupt_ends(processes: LocustProcesses) -> Iterator[None]:
    """Let Ctrl-C end the run, and not us: what was sent so far is audited and reported."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, processes.interrupt)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
