"""Everything that a run is made of, as the generator's processes are told it."""

from pathlib import Path

import msgspec

from loadtests.scenarios.load_shape import LoadShape
from loadtests.scenarios.registry import SCENARIOS
from loadtests.scenarios.scenario import Scenario
from loadtests.scenarios.schedule import Arrivals

PAYMENTS_A_SECOND_MAX = 1_000_000.0
SECONDS_MAX = 86_400.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `run` names its accounts and keys, which nobody has used before; `seed` decides what is drawn and when it is due.

    `rate` is payments a second. `connections` is the number of requests that may be in flight, over all processes.
    `timeout_seconds` is how long after a request was due its answer still counts. `shard_groups` tells for each shard which host
    owns it. `folder` is where the processes leave what they have measured.
    """

    scenario: str
    run: str
    seed: int
    url: str
    rate: float
    seconds: float
    shape: LoadShape
    arrivals: Arrivals
    is_closed: bool
    users: int
    connections: int
    processes: int
    timeout_seconds: float
    accounts: int
    shard_groups: tuple[int, ...]
    folder: str

    @property
    def of(self) -> Scenario:
        """The scenario itself."""
        return SCENARIOS[self.scenario]

    @property
    def requests_a_second(self) -> float:
        """The full rate in requests; a hold with its capture counts as one."""
        return self.rate / self.of.batch_payments

    @property
    def account_ids(self) -> list[str]:
        """The accounts that the payments go between."""
        return [f"{self.run}-{number:06d}" for number in range(self.accounts)]

    def write(self) -> Path:
        """Write the plan into its folder, which is made if there is none, and return the file. Raises OSError."""
        path = Path(self.folder) / "plan.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2))
        return path


def read_plan(path: Path) -> Plan:
    """Return the plan in the file. Raises OSError, msgspec.MsgspecError."""
    return msgspec.json.decode(path.read_bytes(), type=Plan)
