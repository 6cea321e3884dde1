"""Many seeds, each with its own sizes and faults, and every promise checked after each. `make simulate SEEDS=n` runs more."""

import os
import subprocess
import sys
from unittest.mock import patch

import pytest

from tests.simulation.run import simulate

SEEDS = 100
CHUNK = 20


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_seed_breaks_a_promise(first: int) -> None:
    for seed in range(first, first + CHUNK):
        try:
            simulate(seed)
        except Exception as error:
            raise AssertionError(f"python -m tests.simulation --seed {seed} --trace: {error}") from error


def test_a_filter_that_says_perhaps_to_every_key_keeps_nobody_waiting_for_ever() -> None:
    """What is done to a forgotten payment then needs two facts of the archive: about its key, and about the payment."""
    with patch("tests.simulation.plan.FILTER_BYTES", 4):
        for seed in range(CHUNK):
            simulate(seed)


def test_a_seed_gives_the_same_trace_again() -> None:
    """Also in another process, where sets of texts have another order."""
    seeds = [3, 24, 58]
    here = [simulate(seed).trace_hash for seed in seeds]
    assert [simulate(seed).trace_hash for seed in seeds] == here
    program = f"from tests.simulation.run import simulate; print([simulate(seed).trace_hash for seed in {seeds}])"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    found = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(here)


def test_different_seeds_give_different_traces() -> None:
    assert len({simulate(seed).trace_hash for seed in range(5)}) == 5


def test_a_failing_seed_is_printed_with_the_command_that_runs_it_again() -> None:
    program = (
        "from tests.simulation.planted_faults import canary\n"
        "from tests.simulation.__main__ import main\n"
        "with canary():\n"
        "    main(['--seed', '7'])\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "python -m tests.simulation --seed 7" in found.stdout
