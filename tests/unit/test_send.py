"""`payments send` against a small ledger behind a real server."""

import asyncio
import io
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from processor.cli.send import send
from processor.client.address import parse_address
from processor.client.retry import Unavailable
from processor.sending.payment_file import PaymentFile
from processor.sending.sender import Sender
from tests.small_ledger import Server, SmallLedger

HEADER = "idempotency_key,from,to,amount,currency,reference\n"


@pytest.fixture
def ledger() -> SmallLedger:
    ledger = SmallLedger()
    for account in ("world", "shop", *(f"w{number}" for number in range(50))):
        ledger.open_account(account, "EUR", 0 if account == "shop" else None)
    return ledger


@pytest.fixture
def url(ledger: SmallLedger) -> Iterator[str]:
    with Server(ledger) as server:
        yield server.url


def _file(folder: Path, *lines: str) -> str:
    path = folder / "payments.csv"
    path.write_text(HEADER + "\n".join(lines))
    return str(path)


def _send(*arguments: str) -> Result:
    return CliRunner().invoke(send, arguments)


def test_the_same_file_again_pays_nothing_twice(url: str, ledger: SmallLedger, tmp_path: Path) -> None:
    file = _file(tmp_path, *(f"k{number},w{number % 50},shop,1,EUR," for number in range(2500)))
    first, second = _send(file, "--url", url), _send(file, "--url", url)
    assert first.stdout == "2,500 lines: 2,500 accepted, 0 replayed, 0 refused, 0 bad\n"
    assert second.stdout == "2,500 lines: 0 accepted, 2,500 replayed, 0 refused, 0 bad\n"
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert ledger.accounts["shop"]["posted"] == 2500


def test_every_bad_or_refused_line_is_reported_and_the_rest_is_processed(url: str, ledger: SmallLedger, tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        "k1,world,shop,100,EUR,first",
        "k2,world,shop,-5,EUR,",
        "k3,world,shop,5,EUR",
        "k4,world,nobody,5,EUR,",
        "k1,world,shop,100,EUR,first",
        "k1,world,shop,101,EUR,first",
        "k5,shop,world,40,EUR,back",
    )
    result = _send(file, "--url", url, "--connections", "1")
    assert result.exit_code == 1
    assert sorted(result.stdout.splitlines()) == [
        "7 lines: 2 accepted, 1 replayed, 2 refused, 2 bad",
        "line 3: amount '-5' is not a whole number of minor units from 1 to 9223372036854775807",
        "line 4: has 5 columns where the first line has 6",
        "line 5: account_not_found: no such account",
        "line 7: idempotency_key_reused",
    ]
    assert ledger.accounts["shop"]["posted"] == 60


def test_payments_of_one_account_keep_the_order_of_the_file(url: str, ledger: SmallLedger, tmp_path: Path) -> None:
    file = _file(tmp_path, *(f"k{number},w{number % 7},shop,{number + 1},EUR," for number in range(6000)))
    assert _send(file, "--url", url).exit_code == 0
    for account in range(7):
        amounts = [entry["amount"] for entry in ledger.entries[f"w{account}"]]
        assert amounts == sorted(amounts)
        assert len(amounts) > 800


def test_with_one_connection_a_payment_may_spend_what_an_earlier_line_brought(url: str, tmp_path: Path) -> None:
    lines = [line for number in range(2000) for line in (f"in{number},world,shop,1,EUR,", f"out{number},shop,world,1,EUR,")]
    result = _send(_file(tmp_path, *lines), "--url", url, "--connections", "1")
    assert result.stdout.endswith("4,000 lines: 4,000 accepted, 0 replayed, 0 refused, 0 bad\n")


def test_lost_answers_and_refused_connections_do_not_pay_twice(url: str, ledger: SmallLedger, tmp_path: Path) -> None:
    ledger.faults.extend(["forget", "refuse", "half", "forget"])
    file = _file(tmp_path, *(f"k{number},w{number % 50},shop,1,EUR," for number in range(2500)))
    result = _send(file, "--url", url)
    assert result.exit_code == 0
    assert "0 refused, 0 bad" in result.stdout
    assert "4 requests had to be sent again" in result.stderr
    assert ledger.accounts["shop"]["posted"] == 2500


def test_a_batch_holds_at_most_a_thousand_payments(url: str, ledger: SmallLedger, tmp_path: Path) -> None:
    assert _send(_file(tmp_path, *(f"k{number},world,shop,1,EUR," for number in range(2500))), "--url", url).exit_code == 0
    assert ledger.largest_batch == 1000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("", "it is empty"),
        ("a,b\n1,2\n", "has no column"),
        (HEADER + "k,w,s,1,EUR,\n", "nothing was sent"),
    ],
    ids=["missing", "empty", "other columns", "no server"],
)
def test_what_cannot_run_says_why_in_one_line(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "payments.csv"
    if content is not None:
        path.write_text(content)
    with Server(SmallLedger()) as server:
        url = server.url
    result = _send(str(path), "--url", url)
    assert result.exit_code == 2
    assert message in result.stderr
    assert (result.stdout, result.stderr.count("\n")) == ("", 1)


def test_another_program_at_the_url_is_not_taken_for_the_api(tmp_path: Path) -> None:
    class Stranger(SmallLedger):
        def read(self, path: str) -> tuple[int, dict[str, object]]:
            return 404, {}

    with Server(Stranger()) as server:
        result = _send(_file(tmp_path, "k1,world,shop,1,EUR,"), "--url", server.url)
    assert result.exit_code == 2
    assert "nothing was sent: the API answered 404" in result.stderr


def test_standard_input_is_read_to_its_end(url: str, ledger: SmallLedger) -> None:
    program = [sys.executable, "-c", "from processor.cli.send import send; send()", "-", "--url", url]
    data = HEADER + "".join(f"k{number},world,shop,2,EUR,\n" for number in range(1500))
    done = subprocess.run(program, input=data, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "1,500 lines: 1,500 accepted, 0 replayed, 0 refused, 0 bad\n")
    assert ledger.accounts["shop"]["posted"] == 3000


def test_ctrl_c_ends_it_even_while_it_waits_for_input() -> None:
    got_batch = threading.Event()

    class Noticing(SmallLedger):
        def answer(self, *request: Any) -> tuple[int, dict[str, Any], list[tuple[bytes, bytes]]]:
            if request[0] == "POST":
                got_batch.set()
            return super().answer(*request)

    with Server(Noticing()) as server:
        program = [sys.executable, "-c", "from processor.cli.send import send; send()", "-", "--url", server.url]
        sending = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert sending.stdin is not None
        assert sending.stderr is not None
        sending.stdin.write(HEADER + "".join(f"k{number},world,shop,2,EUR,\n" for number in range(1000)))
        sending.stdin.flush()
        assert got_batch.wait(60)
        sending.send_signal(signal.SIGINT)
        assert sending.wait(60) == 2  # with its input still open
        assert "stopped: interrupted" in sending.stderr.read()
        sending.communicate()


def _sender(data: str, url: str, retry_seconds: float, reported: list[int]) -> tuple[Sender, PaymentFile]:
    file = PaymentFile(io.BytesIO((HEADER + data).encode()))
    report = lambda number, reason: reported.append(number)  # noqa: E731
    return Sender(file, parse_address(url), 1, report, lambda: None, retry_seconds), file


def test_when_the_server_goes_away_it_is_known_up_to_which_line_everything_is_certain(url: str, ledger: SmallLedger) -> None:
    reported: list[int] = []
    # Lines 2 and 1503 are bad; the third batch begins at line 2003.
    lines = ["bad" if number in (2, 1503) else f"k{number},world,shop,1,EUR," for number in range(2, 5000)]
    sender, _ = _sender("\n".join(lines), url, 0.05, reported)
    ledger.faults.extend(["", "", *["refuse"] * 1000])
    with pytest.raises(Unavailable):
        asyncio.run(sender.run())
    assert sender.known_up_to_line == 2003
    assert (sender.summary.accepted, ledger.accounts["shop"]["posted"]) == (2000, 2000)
    assert set(reported) >= {2, 1503}


def test_the_file_is_not_read_far_ahead_of_what_the_server_takes(url: str, ledger: SmallLedger) -> None:
    sender, file = _sender("".join(f"k{number},world,shop,1,EUR,\n" for number in range(100_000)), url, 0.3, [])
    ledger.faults.extend(["refuse"] * 1000)
    with pytest.raises(Unavailable):
        asyncio.run(sender.run())
    assert file.bytes_read < 6_000 * len("k99999,world,shop,1,EUR,\n")
    assert sender.known_up_to_line == 1
