"""How long a projector rests."""

import pytest

from processor.projections.pace import (
    FAR_BEHIND_SECONDS,
    GATHER_SECONDS,
    LARGE_TIMES,
    POLL_SECONDS,
    SHARE_MAX,
    batch_times,
    pause_seconds,
)


def test_with_nothing_to_do_it_looks_again_soon() -> None:
    assert pause_seconds(0.0, 0.0001, 0.0, 0.2) == POLL_SECONDS


def test_under_a_steady_load_payments_are_gathered_into_one_transaction() -> None:
    assert pause_seconds(0.2, 0.01, 0.1, 0.2) == GATHER_SECONDS


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 1.0])
def test_with_full_batches_it_works_for_its_share_of_the_time(share: float) -> None:
    worked = 0.03
    assert worked / (worked + pause_seconds(1.0, worked, 0.0, share)) == pytest.approx(share)


def test_far_behind_it_works_more_but_never_all_the_time() -> None:
    shares = [0.03 / (0.03 + pause_seconds(1.0, 0.03, behind, 0.2)) for behind in (0.0, 60.0, 120.0, 1e6)]
    assert shares == pytest.approx([0.2, 0.4, 0.6, SHARE_MAX])


def test_a_share_of_everything_is_not_made_smaller() -> None:
    assert pause_seconds(1.0, 0.03, 1e6, 1.0) == 0.0


def test_batches_are_large_only_while_it_is_far_behind() -> None:
    assert [batch_times(behind) for behind in (0.0, FAR_BEHIND_SECONDS, FAR_BEHIND_SECONDS + 1, 1e6)] == [
        1,
        1,
        LARGE_TIMES,
        LARGE_TIMES,
    ]
