"""Which processes of an instance work while a load runs, in cores, read from the operating system."""

from collections.abc import Mapping, Sequence
from time import monotonic

import msgspec
import psutil

_TITLES = {
    "ray::ServeReplica:payments:Api": "API",
    "ray::ShardHost": "host",
    "ray::ServeReplica:payments:Projections": "projections",
    "ray::ServeReplica:payments:Auditor": "auditor",
    "ray::ServeReplica:payments:ShardHosts": "snapshots",  # Its replicas watch the hosts and write their snapshots.
}
CLIENT, DATABASE, REST = "client", "PostgreSQL", "rest of Ray"
GROUPS = (*_TITLES.values(), DATABASE, CLIENT, REST)
_SHOWN_FROM = 0.005
_DISTURBED_FROM = 0.25
"""So much of a core used by others makes a figure worthless on a machine of two."""


class CpuShares(msgspec.Struct, frozen=True):
    """Cores used by each group of processes while so many payments were made: 1.0 is one core, always busy.

    `others`: what all other programs on the machine used. `stolen`: what the hypervisor gave to other machines.
    """

    cores: dict[str, float]
    others: float
    stolen: float
    payments: int
    seconds: float

    def microseconds_per_payment(self, group: str) -> float:
        """Return the CPU time of one payment in a group of processes."""
        return self.cores.get(group, 0.0) * self.seconds * 1e6 / self.payments

    def line(self) -> str:
        """Return the shares in one line, the busiest process first."""
        ranked = sorted(self.cores.items(), key=lambda item: -item[1])
        shares = ", ".join(f"{name} {share:.0%}" for name, share in ranked if share >= _SHOWN_FROM)
        disturbed = "; disturbed, measure again" if self.others + self.stolen > _DISTURBED_FROM else ""
        return f"of a core: {shares}; other programs {self.others:.0%}, stolen {self.stolen:.0%}{disturbed}"


class Moment(msgspec.Struct, frozen=True):
    """CPU seconds used so far: by process and group, by the whole machine, and stolen from it."""

    at: float
    used: Mapping[tuple[int, float], tuple[str, float]]
    busy: float
    stolen: float


def look() -> Moment:
    """Read what this process, which is the client, and all that descend from it have used."""
    used: dict[tuple[int, float], tuple[str, float]] = {}
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        try:
            times = process.cpu_times()
            group = CLIENT if process == own else group_of(process)
            used[process.pid, process.create_time()] = (group, times.user + times.system)
        except psutil.Error:
            continue  # It has just ended.
    machine = psutil.cpu_times()
    busy = sum(machine) - machine.idle - machine.iowait - machine.steal - machine.guest - machine.guest_nice
    return Moment(monotonic(), used, busy, machine.steal)


def group_of(process: psutil.Process) -> str:
    """Return the group of an instance's process. Raises psutil.Error if it has ended."""
    if process.name() == "postgres":
        return DATABASE
    title = " ".join(process.cmdline())
    return next((group for start, group in _TITLES.items() if title.startswith(start)), REST)


def processes_of(groups: Sequence[str]) -> list[tuple[str, int]]:
    """Return the processes of these groups that descend from this one, as (group, process id)."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            group = group_of(process)
        except psutil.Error:
            continue
        if group in groups:
            found.append((group, process.pid))
    return sorted(found)


def shares_between(before: Moment, after: Moment, payments: int) -> CpuShares:
    """Return who has used how much from one moment to the other."""
    seconds = after.at - before.at
    cores = dict.fromkeys(GROUPS, 0.0)
    for process, (group, used) in after.used.items():
        cores[group] += (used - before.used.get(process, (group, 0.0))[1]) / seconds
    others = max(0.0, (after.busy - before.busy) / seconds - sum(cores.values()))
    return CpuShares(cores, others, (after.stolen - before.stolen) / seconds, payments, seconds)


def together(shares: Sequence[CpuShares]) -> CpuShares:
    """Return the shares over several loads, weighted by their time."""
    seconds = sum(share.seconds for share in shares)

    def mean(values: Sequence[float]) -> float:
        return sum(value * share.seconds for value, share in zip(values, shares, strict=True)) / seconds

    cores = {group: mean([share.cores[group] for share in shares]) for group in GROUPS}
    others, stolen = mean([share.others for share in shares]), mean([share.stolen for share in shares])
    return CpuShares(cores, others, stolen, sum(share.payments for share in shares), seconds)
