"""`payments bench peers`: how sides take turns, what is made of their samples, and what is said when one cannot be measured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from loadtests.bench.failure import BenchFailed
from loadtests.bench.figure import Figure, Goal
from loadtests.peers.command import peers
from loadtests.peers.figures import COMPARISONS, figures_of
from loadtests.peers.options import PEERS, PeerName, PeerOptions
from loadtests.peers.rounds import Samples, alternate
from loadtests.peers.sample import BATCHES, HOT, RANDOM, Loads, Sample, Side
from loadtests.peers.server import serving
from loadtests.peers.services.request import AMOUNT_MAX, PaymentRequest
from loadtests.peers.services.tigerbeetle_names import id_of
from loadtests.peers.set_based import CALL_PAYMENTS, columns_of, load_name
from loadtests.peers.tigerbeetle_replica import BINARY, obstacle, running_replica
from loadtests.workload import Workload
from processor.local.failure import CannotStart


def quiet(line: str) -> None:
    """Take a line of progress, and do nothing with it."""


def samples_of(rates: list[float], p99_ms: float) -> list[Sample]:
    return [Sample(rate, p99_ms / 2, p99_ms) for rate in rates]


def figures_by_name(samples: Samples) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures_of(samples)}


def test_sides_run_alone_and_every_other_round_goes_backwards() -> None:
    happened: list[str] = []

    def side(name: str) -> Side:
        @contextmanager
        def run() -> Iterator[Loads]:
            happened.append(f"+{name}")
            yield {load: measuring(name, load) for load in ("1", "2")}
            happened.append(f"-{name}")

        return Side(name, run)

    def measuring(name: str, load: str) -> Callable[[], Sample]:
        def measure() -> Sample:
            happened.append(f"{name}{load}")
            return Sample(float(len(happened)), 1.0, 2.0)

        return measure

    samples = alternate([side("a"), side("b")], 2, quiet)
    assert " ".join(happened) == "+a a1 a2 -a +b b1 b2 -b +b b2 b1 -b +a a2 a1 -a"
    assert [sample.rate for sample in samples["a", "1"]] == [2.0, 15.0]


def test_ratios_are_of_the_same_round_and_judged_by_the_goals_for_that_peer() -> None:
    samples = {
        ("ours", RANDOM): samples_of([8_000, 9_000], 10),
        ("ours", HOT): samples_of([8_000, 8_100], 10),
        ("plain", RANDOM): samples_of([1_000, 1_500], 40),
        ("plain", HOT): samples_of([500, 900], 16),
    }
    figures = figures_by_name(samples)
    against_plain, hot = figures["ours to plain, random accounts"], figures["ours to plain, one hot account"]
    assert (against_plain.samples, against_plain.goal, against_plain.is_passed) == ([8, 6], Goal("at least", 7), True)
    assert (hot.samples, hot.goal) == ([16, 9], Goal("at least", 11))
    assert figures["p99, ours to plain, random accounts"].samples == [0.25, 0.25]
    assert figures["p99, ours to plain, one hot account"].is_passed is False
    assert figures["ours, one hot account to random accounts"].samples == [1.0, 0.9]
    assert figures["ours, random accounts"].goal == Goal("at least", 8_000)


def test_singles_are_set_against_the_empty_handler_and_batches_are_not() -> None:
    samples = {
        ("ours", RANDOM): samples_of([8_000], 10),
        ("ours", BATCHES): samples_of([100_000], 30),
        ("empty", RANDOM): samples_of([32_000], 2),
        ("set_based", load_name(1)): samples_of([25_000], 50),
        ("set_based", load_name(2)): samples_of([20_000], 50),
    }
    figures = figures_by_name(samples)
    assert figures["ours to empty, random accounts"].samples == [0.25]
    assert figures["ours, random accounts"].share_of_limit == 0.25
    assert figures["empty, random accounts"].limit is None
    assert figures["ours, batches of 1,000 over 2 connections"].limit is None
    assert figures["ours to set_based, calls of 1,000, 1 connection"].samples == [4]
    assert figures["ours to set_based, calls of 1,000, 2 connections"].samples == [5]
    assert not [name for name in figures if name.startswith("p99, ours to set_based")]


def test_every_peer_but_the_limit_is_compared_with_and_one_not_measured_is_left_out() -> None:
    assert {comparison.peer for comparison in COMPARISONS} | {"empty"} == set(PEERS)
    figures = figures_by_name({("ours", RANDOM): samples_of([1], 1), ("procedure", RANDOM): samples_of([1], 1)})
    assert [name for name in figures if name.startswith("ours to")] == ["ours to procedure, random accounts"]


@pytest.mark.parametrize(("only", "expected"), [((), PEERS), (("empty", "plain"), ("plain", "empty"))])
def test_peers_are_measured_in_their_fixed_order(only: tuple[PeerName, ...], expected: tuple[PeerName, ...]) -> None:
    assert PeerOptions(only=only).peers == expected


def test_calls_of_the_set_based_procedure_hold_what_the_bodies_say() -> None:
    bodies = Workload("random_accounts", 10, 1).singles(CALL_PAYMENTS + 1)
    full, rest = columns_of(bodies)
    assert {len(column) for column in full} == {CALL_PAYMENTS}
    [[key], [payer], [payee], [amount], [currency]] = rest
    assert bodies[-1] == (
        key.encode(), f'{{"from":"{payer}","to":"{payee}","amount":{amount},"currency":"{currency}"}}'.encode()
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0},
        {"amount": 1.5},
        {"amount": "7"},
        {"amount": AMOUNT_MAX + 1},
        {"currency": "eur"},
        {"from": ""},
        {"to": None},
        {"to": "b\0"},
    ],
)
def test_a_peer_refuses_a_body_that_ours_would_refuse(change: dict[str, object]) -> None:
    body = {"from": "a", "to": "b", "amount": 7, "currency": "EUR"}
    assert PaymentRequest.model_validate(body).payer == "a"
    with pytest.raises(ValidationError):
        PaymentRequest.model_validate(body | change)


def test_ids_in_tigerbeetle_are_of_128_bits_and_differ() -> None:
    ids = {id_of(f"load-{number:07d}") for number in range(1_000)}
    assert len(ids) == 1_000
    assert 2**120 < max(ids) < 2**128


def test_an_unknown_peer_is_named_in_one_line() -> None:
    done = CliRunner().invoke(peers, ["--only", "plain,fast"])
    assert done.exit_code == 2
    assert "'fast': the peers are plain, procedure, group_commit, tigerbeetle, empty, set_based" in done.output


@pytest.mark.parametrize(("binary", "advice"), [("", f"set {BINARY} to"), ("/tmp", "/tmp, which is not a program")])
def test_tigerbeetle_asked_for_without_its_server_ends_with_what_to_do(
    binary: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BINARY, binary)
    done = CliRunner().invoke(peers, ["--only", "tigerbeetle"])
    assert done.exit_code == 2
    assert done.output.startswith("payments bench peers: tigerbeetle cannot be measured: ")
    assert advice in done.output
    assert done.output.count("\n") == 1


def test_a_program_that_is_not_tigerbeetle_is_said_to_have_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BINARY, "/bin/false")
    assert BINARY not in (obstacle() or "")  # It can be run; that its client is missing is another matter.
    with pytest.raises(CannotStart, match=r"/bin/false could not format a data file \(exit code 1\)"), running_replica():
        pass


def test_a_server_that_does_not_start_says_why_in_one_line() -> None:
    with pytest.raises(BenchFailed, match=r"^the peer nonsense did not start: .*nonsense.*$"), serving("nonsense", {}):
        pass
