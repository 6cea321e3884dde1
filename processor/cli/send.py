"""`payments send`: the payments of a CSV file, safe to repeat."""

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

import click
import uvloop

from processor.cli.progress_bar import ProgressBar
from processor.cli.url_option import url_option
from processor.client.address import Address
from processor.client.connection import Connection
from processor.client.reply import UnexpectedAnswer
from processor.client.retry import Unavailable
from processor.sending.payment_file import BadFile, PaymentFile
from processor.sending.sender import Sender

ALL_WENT_THROUGH, SOME_DID_NOT, COULD_NOT_RUN = 0, 1, 2


@click.command()
@click.argument("file", metavar="FILE.csv")
@url_option
@click.option(
    "--connections", type=click.IntRange(1, 32), default=4, show_default=True, help="1 keeps the order of the whole file."
)
def send(file: str, address: Address, connections: int) -> None:
    """Send the payments of a CSV file; - reads standard input.

    The first line names the columns: idempotency_key, from, to, amount (in minor units), currency and, if you like,
    reference. Running the same file again pays nothing twice: what the ledger knows already, also because an answer was
    lost on its way to us, is counted as replayed. Payments from one account are made in the order of the file. Every line
    that is bad or refused is printed with its number and reason.

    Exit code: 0 if every line was accepted or replayed, 1 if some were bad or refused, 2 if it could not run to the end.
    """
    try:
        with _open(file) as stream:
            payments = PaymentFile(stream)
            uvloop.run(_reach(address))
            sys.exit(_send(payments, _size(file), address, connections))
    except BrokenPipeError:
        raise  # Nobody reads our output any more: not the file's fault.
    except (OSError, BadFile) as error:
        click.echo(f"cannot use {file}: {error.strerror if isinstance(error, OSError) else error}", err=True)
    except (Unavailable, UnexpectedAnswer) as error:
        click.echo(f"nothing was sent: {error}; is an instance running there (`payments up`)?", err=True)
    except KeyboardInterrupt:
        click.echo("nothing was sent: interrupted", err=True)
    sys.exit(COULD_NOT_RUN)


def _send(file: PaymentFile, size: int | None, address: Address, connections: int) -> int:
    with ProgressBar("lines" if size is None else "bytes", size) as progress:

        def show() -> None:
            progress.show(file.bytes_read if size is not None else sender.summary.lines)

        sender = Sender(file, address, connections, _report, show)
        try:
            uvloop.run(sender.run())
            stopped = None
        except (Unavailable, UnexpectedAnswer) as error:
            stopped = str(error)
        except KeyboardInterrupt:
            stopped = "interrupted"
    return _conclude(sender, stopped)


async def _reach(address: Address) -> None:
    async with Connection(address, timeout_seconds=5.0, retry_seconds=0.0) as connection:
        (await connection.get("/healthz")).require_success()


def _conclude(sender: Sender, stopped: str | None) -> int:
    summary = sender.summary
    if stopped is None or summary.lines:
        click.echo(
            f"{summary.lines:,} lines: {summary.accepted:,} accepted, {summary.replayed:,} replayed, "
            f"{summary.refused:,} refused, {summary.bad:,} bad"
        )
    if summary.resent:
        click.echo(
            f"{summary.resent:,} requests had to be sent again, so some of the replayed lines may be of this run", err=True
        )
    if stopped is not None:
        click.echo(f"stopped: {stopped}", err=True)
        click.echo(
            f"The outcome of every line up to line {sender.known_up_to_line:,} is known. Run the same command again to send the "
            "rest: nothing is paid twice.",
            err=True,
        )
        return COULD_NOT_RUN
    return SOME_DID_NOT if summary.refused or summary.bad else ALL_WENT_THROUGH


def _report(number: int, reason: str) -> None:
    click.echo(f"line {number}: {reason}")


def _open(file: str) -> AbstractContextManager[BinaryIO]:
    if file != "-":
        return Path(file).open("rb")
    # Never closed, and not sys.stdin: a thread may still wait in it when the program ends, which would wait for it, or die of it.
    return nullcontext(open(0, "rb", closefd=False))


def _size(file: str) -> int | None:
    return None if file == "-" or not Path(file).is_file() else Path(file).stat().st_size
