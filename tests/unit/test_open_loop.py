"""The open loop: what is late, what is dropped, and what latencies count from."""

from random import Random

import pytest

from loadtests.bench.open_loop import Arrivals, arrivals, longest_gap, run_open_loop
from tests.scripted_server import ScriptedServer, answer

BODIES = [(b"key-%d" % number, b"{}") for number in range(50)]


@pytest.mark.anyio
async def test_latencies_count_from_the_moment_at_which_a_request_was_due_and_not_from_when_it_was_sent() -> None:
    load = Arrivals(BODIES[:10], [0.0] * 10, rate=10.0)
    async with ScriptedServer([answer(status="201 Created")] * 10) as server:
        result = await run_open_loop(server.address.url, load, connections=1)
    assert result.statuses == {201: 10}
    waits = [moment - result.started for moment in result.answered_at]
    assert waits == sorted(waits)
    # All were due at the start, and one connection served them one after the other.
    assert result.latencies.percentile_ms(100) == pytest.approx(waits[-1] * 1000)
    assert result.latencies.percentile_ms(10) == pytest.approx(waits[0] * 1000)


@pytest.mark.anyio
async def test_what_waits_beyond_a_second_of_arrivals_is_dropped_and_counted() -> None:
    load = Arrivals(BODIES, [0.0] * len(BODIES), rate=10.0)
    async with ScriptedServer([answer(status="201 Created")] * 10) as server:
        result = await run_open_loop(server.address.url, load, connections=1)
    assert (result.count, result.dropped) == (10, 40)


@pytest.mark.anyio
async def test_an_answer_that_is_no_success_is_an_error() -> None:
    load = Arrivals(BODIES[:2], [0.0, 0.0], rate=10.0)
    async with ScriptedServer([answer(status="201 Created"), answer(status="422 Unprocessable Content")]) as server:
        result = await run_open_loop(server.address.url, load, connections=1)
    assert result.errors == {422: 1}


def test_arrivals_come_at_the_asked_rate_and_at_random_times() -> None:
    due = arrivals([(b"", b"")] * 10_000, 500.0, Random(1)).due_seconds
    gaps = [later - earlier for earlier, later in zip(due, due[1:], strict=False)]
    assert due[-1] == pytest.approx(20.0, rel=0.05)
    # Of a Poisson process 1 - 1/e of the gaps are shorter than the mean.
    assert sum(gap < 1 / 500 for gap in gaps) / len(gaps) == pytest.approx(0.632, abs=0.02)


@pytest.mark.parametrize(
    ("answered_at", "expected"),
    [([1.0, 2.0, 8.0, 9.0], 6.0), ([], 10.0), ([4.0, 3.0], 6.0), ([-5.0, 20.0], 10.0)],
)
def test_the_longest_gap_reaches_to_both_ends_of_the_window(answered_at: list[float], expected: float) -> None:
    assert longest_gap(answered_at, 0.0, 10.0) == expected
