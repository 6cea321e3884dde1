"""A cluster on which alice has 1,000, a shop has nothing, and a bank has no lower bound, in every placement."""

from typing import NamedTuple

from processor.core.ledger import Retention
from processor.core.messages import Leg, PaymentAnswer
from processor.core.results import Result
from processor.core.routing import shard_of
from tests.cluster import Cluster, account_on, place_of
from tests.model.payments import Place

FUNDS = 1000
PLACEMENTS = [(1, 1), (3, 1), (3, 3)]
IDS = ["one shard", "three shards of one host", "three hosts"]


class Funded(NamedTuple):
    """The cluster and its accounts; with several shards each lives on another."""

    cluster: Cluster
    alice: str
    shop: str
    bank: str

    def leg(self, amount: int) -> Leg:
        """Return a leg from alice to the shop."""
        return Leg(self.alice, self.shop, amount, "EUR")

    def place(self, answer: PaymentAnswer) -> Place:
        """Return the place of a payment of alice's."""
        return place_of(shard_of(self.alice, self.cluster.shards), answer)

    def held(self, *legs: Leg, lasts_microseconds: int = 60_000_000, key: str = "hold") -> Place:
        """Hold money and return the payment's place."""
        answer = self.cluster.hold(key, *legs, lasts_microseconds=lasts_microseconds)
        assert answer.result is Result.ACCEPTED
        return self.place(answer)

    def paid(self, *legs: Leg, key: str = "pay") -> Place:
        """Pay at once and return the payment's place."""
        answer = self.cluster.pay(key, *legs)
        assert answer.result is Result.ACCEPTED
        return self.place(answer)

    def balances(self, account: str) -> tuple[int, int, int]:
        """Return what is posted, pending_out and pending_in."""
        view = self.cluster.read(account)
        return view.posted, view.pending_out, view.pending_in


def funded(shards: int, hosts: int, retention: Retention | None = None) -> Funded:
    """Return such a cluster; `retention` lets its shards forget."""
    return funded_on(Cluster(shards, hosts, retention))


def funded_on(cluster: Cluster) -> Funded:
    """Open the accounts on an empty cluster."""
    alice, shop, bank = (account_on(number % cluster.shards, cluster.shards, number) for number in range(3))
    cluster.open(bank, min_balance=None)
    cluster.open(alice)
    cluster.open(shop)
    assert cluster.pay("fund", Leg(bank, alice, FUNDS, "EUR")).result is Result.ACCEPTED
    return Funded(cluster, alice, shop, bank)
