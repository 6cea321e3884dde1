"""The environments that Terraform makes: the load that each is for, and what it has.

A test holds that against `terraform/environments/` and `deploy/kuberay/overlays/`.
"""

import msgspec

from processor.capacity.bill import Line, bill
from processor.capacity.demand import BRIDGES, Demand
from processor.capacity.prices import CACHE_CHOSEN, HOURS, NODES_CHOSEN
from processor.capacity.sizing import Nodes, Sizes, size


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes as type and number (shard hosts' in each of three zones), Aurora and the cache as class and number of instances."""

    demand: Demand
    head: tuple[str, int]
    ingress: tuple[str, int]
    shard_hosts: tuple[str, int]
    aurora: tuple[str, int]
    cache: tuple[str, int]
    ray_store: str
    kinesis_shards: int
    gateways: int

    def needed(self) -> Sizes:
        """Return what the load needs."""
        return size(self.demand)

    def lines(self) -> list[Line]:
        """Return the bill of what there is."""
        (aurora, instances), (cache, caches) = self.aurora, self.cache
        nodes_type, of_zone = self.shard_hosts
        sizes = msgspec.structs.replace(
            self.needed(),
            head=_nodes(*self.head),
            ingress=_nodes(*self.ingress),
            host_nodes=_nodes(nodes_type, of_zone * self.demand.zones),
            aurora=aurora,
            aurora_instances=instances,
            redis=cache,
            kinesis_shards=self.kinesis_shards,
        )
        store = next(machine for machine in CACHE_CHOSEN if machine.name == self.ray_store)
        return [
            *bill(self.demand, sizes, caches=caches, gateways=self.gateways),
            Line("Ray's own store", f"2 x {store.name}", 2 * store.hourly * HOURS),
        ]


def _nodes(instance_type: str, nodes: int) -> Nodes:
    hourly = next(machine.hourly for machine in NODES_CHOSEN if machine.name == instance_type)
    return Nodes(instance_type, 0, nodes, hourly)


ENVIRONMENTS = {
    "staging": Environment(
        # Its load is tests, now and then.
        demand=Demand(
            mean_share=0.05,
            payments_per_second=500,
            accounts=1e6,
            transactions_days=7,
            backup_days=7,
            journal="mirrored",
            bridges=BRIDGES,
        ),
        head=("m7i.large", 2),
        ingress=("m7i.xlarge", 2),
        shard_hosts=("m7i.large", 1),
        aurora=("db.r8g.large", 2),
        cache=("cache.m7g.large", 2),
        ray_store="cache.m7g.large",
        kinesis_shards=12,
        gateways=1,
    ),
    "production": Environment(
        demand=Demand(payments_per_second=10_000, accounts=50e6, journal="mirrored", bridges=BRIDGES),
        head=("m7i.large", 2),
        ingress=("m7i.2xlarge", 4),
        shard_hosts=("m7i.2xlarge", 2),
        aurora=("db.r8g.8xlarge", 3),
        cache=("cache.r7g.xlarge", 3),
        ray_store="cache.m7g.large",
        kinesis_shards=48,
        gateways=3,
    ),
}
