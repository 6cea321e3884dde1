"""What the command line chooses."""

from pathlib import Path

import msgspec

from loadtests.scenarios.load_shape import DEFAULT_SECONDS, LoadShape
from loadtests.scenarios.registry import SCENARIOS
from loadtests.scenarios.scenario import Scenario
from loadtests.scenarios.schedule import Arrivals


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a scenario is run. None: what the scenario or the shape says. `workers` 0: locust's only process sends itself.

    With a `web_port` runs are started and stopped on locust's web pages there.
    """

    scenario: str
    out: str
    rate: float | None = None
    seconds: float | None = None
    shape: LoadShape = "constant"
    arrivals: Arrivals = "poisson"
    closed: bool = False
    users: int = 64
    connections: int = 256
    workers: int = 0
    web_port: int | None = None
    accounts: int = 10_000
    timeout: float = 10.0
    seed: int = 1

    @property
    def of(self) -> Scenario:
        """The scenario itself."""
        return SCENARIOS[self.scenario]

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return Path(self.out).resolve()

    @property
    def payments_a_second(self) -> float:
        """The full rate."""
        return self.rate or self.of.rate

    @property
    def run_seconds(self) -> float:
        """The length of the run."""
        return self.seconds or DEFAULT_SECONDS[self.shape]
