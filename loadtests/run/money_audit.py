"""The money audit after a load: every balance is what the acknowledged payments add up to, all sums are zero, the journal proves it."""

import asyncio
import sys
from collections.abc import Mapping

import msgspec

from loadtests.run.target import Target
from processor.client.connection import Connection
from processor.demo.checks import settled_accounts, wrong_totals
from processor.demo.statement import read_totals

_PROBLEMS_MAX = 20


class MoneyAudit(msgspec.Struct, frozen=True):
    """What was found. `line` says it in a sentence; `problems` are the first differences."""

    passed: bool
    line: str
    problems: list[str]


class _ShardAudit(msgspec.Struct):
    shard: int
    divergence: str | None


class _Audits(msgspec.Struct):
    data: list[_ShardAudit]


async def audit(target: Target, expected: Mapping[str, int], payments: int, asked_again: int = 0) -> MoneyAudit:
    """Compare the instance with the books, and let `payments verify` replay the journal where the database can be reached.

    `asked_again` of the payments were acknowledged only after the run. Raises Unavailable, UnexpectedAnswer.
    """
    problems = []
    for account in await settled_accounts(target.address, list(expected)):
        if int(account.posted) != expected[account.id] or int(account.pending_in) or int(account.pending_out):
            problems.append(
                f"{account.id} has {account.posted} (pending {account.pending_in} in, {account.pending_out} out) "
                f"where the acknowledged payments add up to {expected[account.id]}"
            )
    problems += wrong_totals(await read_totals(target.address))
    problems += await _divergences(target)
    verified, wrong = await _verify(target)
    problems += wrong
    if problems:
        return MoneyAudit(False, f"the money audit found {len(problems):,} differences", problems[:_PROBLEMS_MAX])
    later = f" ({asked_again:,} of them when asked again after the run)" if asked_again else ""
    line = (
        f"money audit: {payments:,} payments acknowledged{later}, the balances of {len(expected):,} accounts are exactly "
        f"what they add up to, all sums are zero; {verified}"
    )
    return MoneyAudit(True, line, [])


async def _divergences(target: Target) -> list[str]:
    """Return what the instance's own auditor has found."""
    async with Connection(target.address) as connection:
        reply = await connection.get("/v1/audit")
    reply.require_success()
    rows = msgspec.json.decode(reply.body, type=_Audits).data
    return [f"the auditor of shard {row.shard}: {row.divergence}" for row in rows if row.divergence is not None]


async def _verify(target: Target) -> tuple[str, list[str]]:
    """Return what `payments verify` says, and its differences."""
    if target.environment is None:
        return "payments verify was not run, since the database is not at hand", []
    command = [sys.executable, "-m", "processor.cli.main", "verify"]
    pipe = asyncio.subprocess.PIPE
    environment = {**target.environment, "COLUMNS": "200"}
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    output = (await process.communicate())[0].decode(errors="replace")
    if process.returncode == 0:
        return "payments verify: the journal, the live state and the read model agree", []
    said = [line.strip() for line in output.splitlines() if line.strip()][-5:]
    return "", [f"payments verify ended with {process.returncode}: {' / '.join(said)}"]
