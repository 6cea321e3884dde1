"""When requests are due: fixed before the run, whatever the answers do. That is what makes the loop an open one."""

from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Literal, get_args

from loadtests.scenarios.load_shape import LoadShape, instants

Arrivals = Literal["poisson", "even"]
ARRIVALS: tuple[Arrivals, ...] = get_args(Arrivals)


def due_times(
    shape: LoadShape, arrivals: Arrivals, rate: float, seconds: float, seed: str, process: int = 0, processes: int = 1
) -> Iterator[float]:
    """Yield when each request of this process is due, in seconds since the start; `rate` is that of all processes together.

    `poisson`: gaps as between clients that know nothing of each other. `even`: equal gaps, where the shape is constant.
    """
    amounts = _poisson(rate / processes, Random(f"{seed}/arrivals/{process}")) if arrivals == "poisson" else None
    return instants(shape, seconds, amounts or _even(rate, process, processes))


def _poisson(rate: float, random: Random) -> Iterator[float]:
    amount = 0.0
    while True:
        amount += random.expovariate(rate)
        yield amount


def _even(rate: float, process: int, processes: int) -> Iterator[float]:
    """Yield every n-th of the common arrivals, so that those of all processes together are even."""
    for number in count(process, processes):
        yield number / rate
