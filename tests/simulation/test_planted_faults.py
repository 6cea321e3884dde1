"""The simulation notices every safeguard that is taken away, within a number of seeds that is run on every change."""

import pytest

from processor.core.ensure import Broken
from processor.journal.interface import JournalCorrupt
from tests.audit.travels import JournalLies
from tests.simulation.planted_faults import FAULTS, Fault
from tests.simulation.planted_payment_faults import PAYMENT_FAULTS
from tests.simulation.run import simulate
from tests.simulation.virtual_loop import Stuck

SEEDS_MAX = 150


@pytest.mark.parametrize("fault", [*FAULTS, *PAYMENT_FAULTS], ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_found(fault: Fault) -> None:
    for seed in range(SEEDS_MAX):
        try:
            with fault():
                simulate(seed)
        except (JournalLies, JournalCorrupt, Broken, Stuck):
            return
    raise AssertionError(f"{SEEDS_MAX} seeds ran without noticing: {fault.__doc__}")
