"""The pauses between tries."""

from random import Random

import pytest

from processor.client.retry import MAXIMUM_PAUSE_SECONDS, Retries, Unavailable


@pytest.mark.parametrize("seed", range(20))
def test_a_pause_is_never_shorter_than_the_server_asks(seed: int) -> None:
    pause = Retries("http://x", 60, Random(seed)).next_pause("503", retry_after_seconds=2.0)
    assert 2.0 <= pause <= 2.4


@pytest.mark.parametrize("seed", range(20))
def test_a_server_cannot_ask_for_more_than_the_limit(seed: int) -> None:
    pause = Retries("http://x", 60, Random(seed)).next_pause("503", retry_after_seconds=86_400.0)
    assert pause <= MAXIMUM_PAUSE_SECONDS * 1.2


def test_pauses_grow_and_stay_bounded() -> None:
    retries = Retries("http://x", 1e9, Random(1))
    pauses = [retries.next_pause("lost") for _ in range(200)]
    assert pauses[0] <= 0.05
    assert pauses[6] > pauses[0]
    assert max(pauses) <= 2.0


def test_two_clients_do_not_come_back_in_step() -> None:
    pauses = {Retries("http://x", 60, Random(seed)).next_pause("503", retry_after_seconds=1.0) for seed in range(10)}
    assert len(pauses) == 10


def test_a_pause_that_would_end_after_the_time_allowed_is_not_made() -> None:
    with pytest.raises(Unavailable, match=r"http://x does not answer \(503\); tried for 1 s"):
        Retries("http://x", 1.0, Random(1)).next_pause("503", retry_after_seconds=1.5)
