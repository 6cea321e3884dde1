"""From a demand to a plan: how many ledgers, what each needs, what all of it costs a month, and what to know."""

import msgspec

from processor.capacity.bill import Line, bill
from processor.capacity.demand import BadDemand, Demand
from processor.capacity.limits import fits, limits, warnings
from processor.capacity.sizing import Sizes, size

LEDGERS_MAX = 4096


class Plan(msgspec.Struct, frozen=True):
    """`sizes` are those of each of the ledgers; `lines` and `monthly` (US dollars) are for all of them."""

    demand: Demand
    ledgers: int
    sizes: Sizes
    lines: list[Line]
    monthly: float
    warnings: list[str]

    @property
    def per_million(self) -> float:
        """Dollars for a million payments."""
        return self.monthly / (self.demand.mean * 730 * 3600 / 1e6)


def plan(demand: Demand) -> Plan:
    """Return the plan. Raises BadDemand if even thousands of ledgers would not carry it."""
    ledgers = ledgers_for(demand)
    one = demand.divided(ledgers)
    sizes = size(one)
    whole = limits(demand, size(demand))
    lines = bill(one, sizes, ledgers)
    return Plan(demand, ledgers, sizes, lines, sum(line.monthly for line in lines), warnings(one, sizes, whole))


def ledgers_for(demand: Demand) -> int:
    """Return the smallest number of ledgers each of which carries its share."""
    most = 1
    while not _fits(demand, most):
        most *= 2
        if most > LEDGERS_MAX:
            raise BadDemand(
                f"not even {LEDGERS_MAX:,} ledgers carry {demand.payments_per_second:,.0f} payments/s on {demand.accounts:,.0f} "
                "accounts this way: send batches, leave bridges out, or ask for less"
            )
    least = most // 2 + 1 if most > 1 else 1
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if _fits(demand, middle) else (middle + 1, most)
    return most


def one_ledger_carries(demand: Demand) -> float:
    """Return the payments a second up to which one ledger carries such a load."""
    least, most = 0.0, 1e7
    while most - least > 1:
        middle = (least + most) / 2
        carried = msgspec.structs.replace(demand, payments_per_second=middle)
        least, most = (middle, most) if fits(carried, size(carried)) else (least, middle)
    return least


def _fits(demand: Demand, ledgers: int) -> bool:
    one = demand.divided(ledgers)
    return fits(one, size(one))
