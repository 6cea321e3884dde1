"""`payments demo` against a small ledger: it says yes to right books, and no to wrong ones."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.small_ledger import Answer, Server, SmallLedger

SMALL = ("--accounts", "12", "--payments", "3000", "--single", "200", "--holds", "80", "--no-kill")


def _demo(url: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # A process of its own, since that is how it runs: its event loop, its terminal, its exit code.
    root = Path(__file__).parents[3]
    program = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(root)!r}); from processor.cli.demo import demo; demo()",
    ]
    return subprocess.run(
        [*program, "--url", url, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def test_right_books_end_with_exit_code_0_and_every_run_uses_accounts_of_its_own(tmp_path: Path) -> None:
    ledger = SmallLedger()
    with Server(ledger) as server:
        runs = [_demo(server.url, tmp_path, *SMALL) for _ in range(2)]
    for done in runs:
        assert done.returncode == 0, done.stdout + done.stderr
        assert "All 15 balances are what the accepted payments add up to." in done.stdout
        assert "Statement of demo-" in done.stdout
        assert re.search(r"80 holds sent: \d+ accepted; done to them: .*[1-9]\d* refunds", done.stdout)
        assert "Trial balance" in done.stdout
    assert len(ledger.accounts) == 30


def test_lost_answers_are_asked_for_again_and_the_books_stay_right(tmp_path: Path) -> None:
    class Forgetful(SmallLedger):
        def answer(self, *request: Any) -> tuple[int, dict[str, Any], list[tuple[bytes, bytes]]]:
            if sum(self.requests.values()) % 5 == 3:
                self.faults.append("forget")
            return super().answer(*request)

    with Server(Forgetful()) as server:
        done = _demo(server.url, tmp_path, *SMALL)
    assert done.returncode == 0, done.stdout + done.stderr


class PaysTwice(SmallLedger):
    """Forgets every hundredth key, so that the second sending moves the money again."""

    def pay(self, key: str, payment: dict[str, Any]) -> tuple[Answer, bool]:
        answer = super().pay(key, payment)
        if key.endswith("00"):
            del self.outcomes[payment["from"], key]
        return answer


class LosesMoney(SmallLedger):
    """Takes a minor unit out of an account now and then."""

    def move(self, payment_id: str, payment: dict[str, Any], kind: str = "payment") -> Answer:
        if payment_id.endswith("777"):
            self.accounts[payment["to"]]["posted"] -= 1
        return super().move(payment_id, payment, kind)


class DropsAnEntry(SmallLedger):
    """Shows statements without their oldest entry."""

    def read(self, path: str) -> Answer:
        status, content = super().read(path)
        return (status, {**content, "data": content["data"][:-1]}) if path.endswith("/entries") else (status, content)


class RefusesForNoReason(SmallLedger):
    """Refuses a payment between accounts that exist."""

    def move(self, payment_id: str, payment: dict[str, Any], kind: str = "payment") -> Answer:
        if payment_id.endswith("777"):
            return 422, {"code": "account_not_found", "detail": "no", "payment_id": payment_id}
        return super().move(payment_id, payment, kind)


class RefundsTwice(SmallLedger):
    """Forgets the keys of refunds."""

    def change(self, key: str, payment_id: str, verb: str, request: dict[str, Any]) -> tuple[Answer, bool]:
        answer = super().change(key, payment_id, verb, request)
        if verb == "refunds":
            del self.outcomes[payment_id, key]
        return answer


@pytest.mark.parametrize(
    ("make", "difference"),
    [
        (PaysTwice, "was first answered with"),
        (LosesMoney, "where the accepted payments add up to"),
        (LosesMoney, "do not sum to zero"),
        (DropsAnEntry, "are due"),
        (RefundsTwice, "was answered otherwise"),
        (RefusesForNoReason, "was refused for no good reason: 422 account_not_found"),
    ],
)
def test_wrong_books_end_with_exit_code_1_and_name_the_difference(
    make: Callable[[], SmallLedger], difference: str, tmp_path: Path
) -> None:
    with Server(make()) as server:
        done = _demo(server.url, tmp_path, *SMALL)
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(line.startswith("DIFFERENCE: ") and difference in line for line in done.stdout.splitlines()), done.stdout


def test_a_stranger_at_the_url_is_named_in_one_line(tmp_path: Path) -> None:
    class Stranger(SmallLedger):
        def read(self, path: str) -> Answer:
            return 404, {}

    with Server(Stranger()) as server:
        done = _demo(server.url, tmp_path, *SMALL)
    assert done.returncode == 2
    assert (done.stderr.count("\n"), "something else listens there" in done.stderr) == (1, True)


def test_a_shard_host_that_cannot_be_shown_to_be_the_instances_is_not_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:

        class PointsElsewhere(SmallLedger):
            def read(self, path: str) -> Answer:
                if path == "/v1/shards":
                    return 200, {"data": [{"shard": 0, "host": "h", "pid": bystander.pid, "epoch": 1}]}
                return super().read(path)

        with Server(PointsElsewhere()) as server:
            done = _demo(server.url, tmp_path, *SMALL[:-1])
        assert bystander.poll() is None
        bystander.communicate(b"\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"no shard host was killed: process {bystander.pid} does not belong to the instance" in done.stdout
