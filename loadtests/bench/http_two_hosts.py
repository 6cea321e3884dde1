"""Layer `http_two_hosts`: one shard host against two, which share the shards: then about half of the payments cross hosts."""

from statistics import median

from loadtests.bench.figure import Figure, Goal, ratios
from loadtests.bench.http_single import Samples
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import PaymentsInstance
from loadtests.bench.rounds import Side

GOAL = Goal("at least", 0.5)
HOSTS = {1: "one host", 2: "two hosts"}
KINDS = ("single payments", "batches of 1,000")
_BATCH_PAYMENTS, _BATCH_CONNECTIONS = 1_000, 4


def sides(payments: PaymentsInstance, options: Options) -> list[Side]:
    """Return the sides to be measured. Hosts come and go between them, as few times as possible."""

    def rate(hosts: int, kind: str) -> float:
        payments.scale(hosts)
        if kind == KINDS[0]:
            return payments.singles("random_accounts", options.seconds).rate
        return payments.batches(_BATCH_PAYMENTS, _BATCH_CONNECTIONS, options.seconds).rate

    def side(hosts: int, kind: str) -> Side:
        return payments.meter.metered(Side(_name(hosts, kind), lambda: rate(hosts, kind)))

    return [side(hosts, kind) for hosts in HOSTS for kind in KINDS]


def figures(samples: Samples) -> list[Figure]:
    """Return the layer's figures."""
    found = []
    for kind in KINDS:
        one, two = samples[_name(1, kind)], samples[_name(2, kind)]
        found += [
            Figure("http_two_hosts", _name(1, kind), "payments/s", one),
            Figure("http_two_hosts", _name(2, kind), "payments/s", two, None, median(one), "one host"),
            Figure("http_two_hosts", f"{kind}, two hosts against one", "ratio", ratios(two, one), GOAL),
        ]
    return found


def _name(hosts: int, kind: str) -> str:
    return f"{kind}, {HOSTS[hosts]}"
