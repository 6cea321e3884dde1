"""`python -m tests.simulation --seeds N`: run many seeds, and print how to run each failing one again."""

import sys
import time

import click

from tests.simulation.run import COMMANDS, simulate


@click.command()
@click.option("--seeds", type=click.IntRange(1), default=100, show_default=True, help="How many seeds to run.")
@click.option("--seed", type=int, help="Run this seed alone.")
@click.option("--first", type=int, default=0, show_default=True, help="The first seed.")
@click.option("--commands", type=click.IntRange(1), default=COMMANDS, show_default=True, help="How many commands in each run.")
@click.option("--trace", is_flag=True, help="Print what happens.")
def main(seeds: int, seed: int | None, first: int, commands: int, trace: bool) -> None:
    """Run the real hosts, router and journal in virtual time, with faults drawn from each seed. Exit code 1 if a promise is broken."""
    wanted = [seed] if seed is not None else range(first, first + seeds)
    started, failed, done = time.process_time(), 0, 0
    for each in wanted:
        try:
            report = simulate(each, commands, trace)
            done += report.commands
            if seed is not None:
                click.echo(report)
        except Exception as error:
            failed += 1
            click.echo(f"seed {each}: {type(error).__name__}: {str(error)[:600]}")
            click.echo(f"  again: python -m tests.simulation --seed {each} --commands {commands} --trace")
    seconds = time.process_time() - started
    click.echo(f"{len(wanted)} seeds, {done} commands, {failed} failed, {len(wanted) / seconds:.1f} seeds per CPU second")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
