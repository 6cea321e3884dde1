"""How many payments a second so many shard hosts and API replicas make, and what stops them.

With H hosts, A API replicas and random accounts, `c = 1 - 1/H` of the payments travel between two hosts. Every host and every
replica is one Python process and so has one core; the database has D cores, and its disk takes B bytes a second. A host takes a
turn, and appends once, every T seconds. Then, in payments a second:

    API replicas     X <= A / api
    shard hosts      X <= H * (1 - turn / T) / (host + c * travel)
    database cores   X <= (D - H * append / T) / (database + c * database_travel)
    journal's disk   X <= B / (bytes + c * bytes_travel)

and X is the least of them. The names stand for the costs of `Costs`, in seconds of one core. T is not chosen by anybody: turns
gather while an append is under way, so they grow when the database is short of cores, and clients wait for longer. The model lets
them grow from `turn_seconds` to `turn_seconds_max`, no further than is of use. The first two limits grow with their own
machines; the two of the database do not, and `c` makes each payment dearer until nearly all of them travel.

What is left out: how requests spread unevenly over hosts (a hot account holds up one host alone), the network between machines, and
what else PostgreSQL does (projections, checkpoints, vacuum).
"""

from typing import Literal

import msgspec

from loadtests.model.costs import Costs

_TURNS_TRIED = 50
_ENOUGH = 0.99

Limit = Literal["API replicas", "shard hosts", "database cores", "journal's disk"]


class Machines(msgspec.Struct, frozen=True):
    """What there is beside the hosts. `api_replicas` None: as many as are needed."""

    database_cores: float = 2.0
    disk_megabytes_a_second: float | None = None
    turn_seconds: float = 0.01
    turn_seconds_max: float = 0.1
    api_replicas: int | None = None
    travelling_share_max: float = 1.0
    """How many of the payments between accounts of different hosts really occur: 0 if clients stay with one host's accounts."""


class Throughput(msgspec.Struct, frozen=True):
    """What the machines reach, and what they use of the database doing it."""

    hosts: int
    travelling_share: float
    payments_a_second: float
    limit: Limit
    turn_seconds: float
    api_replicas_needed: float
    database_cores_used: float
    journal_megabytes_a_second: float


def throughput(costs: Costs, machines: Machines, hosts: int) -> Throughput:
    """Return what so many hosts reach. Raises ValueError if a turn is too short for what it costs by itself."""
    growth = (machines.turn_seconds_max / machines.turn_seconds) ** (1 / _TURNS_TRIED)
    turns = [machines.turn_seconds * growth**number for number in range(_TURNS_TRIED + 1)]
    enough = _ENOUGH * _with_turns(costs, machines, hosts, turns[-1]).payments_a_second
    found = (_with_turns(costs, machines, hosts, turn) for turn in turns)
    return next(each for each in found if each.payments_a_second >= enough)


def _with_turns(costs: Costs, machines: Machines, hosts: int, turn_seconds: float) -> Throughput:
    share = (1 - 1 / hosts) * machines.travelling_share_max
    busy = costs.turn_microseconds / 1e6 / turn_seconds
    if busy >= 1:
        raise ValueError(f"a turn costs {costs.turn_microseconds:,.0f} us by itself: let it last longer")
    database_microseconds = costs.database_microseconds + share * costs.database_travel_microseconds
    journal_bytes = costs.journal_bytes + share * costs.journal_travel_bytes
    appending_cores = hosts * costs.append_microseconds / 1e6 / turn_seconds
    disk = machines.disk_megabytes_a_second or costs.disk_megabytes_a_second
    limits: dict[Limit, float] = {
        "shard hosts": hosts * (1 - busy) * 1e6 / (costs.host_microseconds + share * costs.travel_microseconds),
        "database cores": max(0.0, machines.database_cores - appending_cores) * 1e6 / database_microseconds,
        "journal's disk": disk * 1e6 / journal_bytes,
    }
    if machines.api_replicas is not None:
        limits["API replicas"] = machines.api_replicas * 1e6 / costs.api_microseconds
    limit = min(limits, key=lambda name: limits[name])
    reached = limits[limit]
    return Throughput(
        hosts, share, reached, limit, turn_seconds, reached * costs.api_microseconds / 1e6,
        appending_cores + reached * database_microseconds / 1e6, reached * journal_bytes / 1e6,
    )  # fmt: skip


def linear_until(costs: Costs, machines: Machines, hosts_max: int, share_of_linear: float = 0.9) -> int:
    """Return the largest number of hosts that reach at least this share of so many times what one host reaches."""
    one = throughput(costs, machines, 1).payments_a_second
    found = 1
    for hosts in range(2, hosts_max + 1):
        if throughput(costs, machines, hosts).payments_a_second < share_of_linear * hosts * one:
            break
        found = hosts
    return found
