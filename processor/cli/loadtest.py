"""`payments loadtest`: one scenario against an instance, with a report and a money audit."""

import asyncio
import sys
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from loadtests.scenarios.load_shape import LOAD_SHAPES
from loadtests.scenarios.plan import PAYMENTS_A_SECOND_MAX, SECONDS_MAX
from loadtests.scenarios.registry import SCENARIOS
from loadtests.scenarios.schedule import ARRIVALS
from processor.client.address import BadUrl, parse_address
from processor.client.reply import UnexpectedAnswer
from processor.client.retry import Unavailable
from processor.demo.instance import NoInstance
from processor.local.failure import CannotStart
from processor.local.ports import free_port

if TYPE_CHECKING:
    from loadtests.run.options import LoadOptions
    from loadtests.run.target import Target

PASSED, FAILED, COULD_NOT_RUN = 0, 1, 2
RESULTS_FOLDER = Path("loadtest-results")


# \b keeps click from running the lines together.
_EPILOG = "\b\nScenarios:\n" + "\n".join(f"{scenario.name:18}{scenario.description}" for scenario in SCENARIOS.values())


@click.command(epilog=_EPILOG)
@click.argument("scenario", metavar="SCENARIO", type=click.Choice(list(SCENARIOS)))
@click.option("--url", metavar="URL", help="The instance that gets the load. [default: one of its own, in a temporary folder]")
@click.option("--rate", type=click.FloatRange(1, PAYMENTS_A_SECOND_MAX), help="Payments a second. [default: the scenario's]")
@click.option("--seconds", type=click.FloatRange(1, SECONDS_MAX), help="Length. [default: 30; ramp and spike 60; soak 1800]")
@click.option("--shape", type=click.Choice(LOAD_SHAPES), default="constant", show_default=True, help="How the load changes.")
@click.option("--arrivals", type=click.Choice(ARRIVALS), default="poisson", show_default=True, help="Gaps between them.")
@click.option("--connections", type=click.IntRange(1, 4_096), default=256, show_default=True, help="Requests in flight at most.")
@click.option("--timeout", type=click.FloatRange(0.1, 300), default=10.0, show_default=True, help="Seconds; then it is dropped.")
@click.option("--closed", is_flag=True, help="Users who wait for each answer, instead of arrivals at a rate.")
@click.option("--users", type=click.IntRange(1, 4_096), default=64, show_default=True, help="With --closed.")
@click.option("--workers", type=click.IntRange(0, 64), default=0, show_default=True, help="locust workers; 0: one process sends.")
@click.option("--web", is_flag=True, help="Start and watch runs on locust's web pages.")
@click.option("--accounts", type=click.IntRange(100, 100_000), default=10_000, show_default=True, help="Paid between.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Decides who pays whom, and when.")
@click.option("--out", type=click.Path(file_okay=False), help=f"Folder of the results. [default: a new one in {RESULTS_FOLDER}]")
def loadtest(scenario: str, url: str | None, out: str | None, web: bool, **chosen: object) -> None:
    """Put the load of SCENARIO on an instance, audit the money, and write result.json and report.html.

    Requests are sent when they are due and timed from then; those without an answer in time are counted as dropped.

    Exit code: 0 if the audit holds and errors stay within the scenario's allowance; 1 if not; 2 if it could not run.
    """
    # Only here, because no other command needs the load tests.
    from loadtests.report.outcome import write_outcome
    from loadtests.run.failure import CannotRun
    from loadtests.run.load import run_load

    folder = Path(out or RESULTS_FOLDER / f"{datetime.now():%Y%m%d-%H%M%S}-{scenario}")

    options = _options(scenario=scenario, out=str(folder), web_port=free_port() if web else None, **chosen)

    async def run() -> int:
        async with await _target(url, options) as target:
            result = await run_load(target, options, _say)
        return PASSED if write_outcome(result, folder, click.echo) else FAILED

    try:
        sys.exit(asyncio.run(run()))
    except (CannotRun, CannotStart, NoInstance, Unavailable, UnexpectedAnswer, BadUrl, OSError) as error:
        click.echo(f"payments loadtest: {error}", err=True)
    except KeyboardInterrupt:
        click.echo("payments loadtest: interrupted", err=True)
    sys.exit(COULD_NOT_RUN)


def _options(**values: object) -> "LoadOptions":
    from loadtests.run.options import LoadOptions

    return msgspec.convert(values, LoadOptions)


async def _target(url: str | None, options: "LoadOptions") -> AbstractAsyncContextManager["Target"]:
    from loadtests.run.failure import CannotRun
    from loadtests.run.target import own_target, running_target

    if url is None:
        return own_target(options.of.shard_hosts, _say)
    if options.of.kills_host:
        raise CannotRun(f"{options.scenario} kills only hosts of an instance of its own: leave --url out")
    return nullcontext(await running_target(parse_address(url)))


def _say(line: str) -> None:
    click.echo(line, err=True)
