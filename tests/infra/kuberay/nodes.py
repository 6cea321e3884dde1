"""Whether the pods of two clusters, as there are during an upgrade, find room on the nodes."""

from typing import NamedTuple

from tests.infra.kuberay.manifests import Manifest, groups, pods
from tests.infra.kuberay.quantities import cores, mebibytes

CLUSTERS_AT_ONCE = 2
# What agents of every node (network, logs, metrics) ask for, roughly.
_DAEMONS = (0.3, 600.0)


class Nodes(NamedTuple):
    """Nodes of one group. `cores` and `memory` are the instance type's; Kubernetes keeps a part of them for itself."""

    count: int
    cores: float
    memory_mebibytes: float

    @property
    def allocatable(self) -> tuple[float, float]:
        """Return what EKS leaves to pods: it reserves memory by the number of pods that a node can have."""
        reserved_cores = 0.06 + 0.01 + 0.005 * max(0.0, self.cores - 2)
        reserved_memory = 255 + 11 * (29 if self.cores <= 2 else 58) + 100 + 0.02 * self.memory_mebibytes
        return self.cores - reserved_cores - _DAEMONS[0], self.memory_mebibytes - reserved_memory - _DAEMONS[1]


_LARGE, _XLARGE, _2XLARGE = (2, 8 * 1024.0), (4, 16 * 1024.0), (8, 32 * 1024.0)
# By the node label payments/group. terraform/environments names the same.
NODES: dict[str, dict[str, Nodes]] = {
    "staging": {"head": Nodes(2, *_LARGE), "ingress": Nodes(2, *_XLARGE), "shard-hosts": Nodes(3, *_LARGE)},
    "production": {"head": Nodes(2, *_LARGE), "ingress": Nodes(4, *_2XLARGE), "shard-hosts": Nodes(6, *_2XLARGE)},
}
NODES["standby"] = NODES["production"]


def crowded_nodes(overlay: str, found: list[Manifest]) -> list[str]:
    """Return what does not fit, in sentences."""
    problems = []
    for label, nodes in NODES[overlay].items():
        pods_here = [
            (name, cores(requests["cpu"]), mebibytes(requests["memory"]))
            for name, group in groups(found).items()
            if pods(group)["nodeSelector"]["payments/group"] == label
            for requests in [pods(group)["containers"][0]["resources"]["requests"]]
            for _ in range(CLUSTERS_AT_ONCE * group.get("replicas", 1))
        ]
        # The largest first, each on the emptiest node: what a scheduler that spreads pods comes to.
        free = [list(nodes.allocatable) for _ in range(nodes.count)]
        for name, wanted_cores, wanted_memory in sorted(pods_here, key=lambda pod: (-pod[2], pod[0])):
            node = max(free, key=lambda left: left[1])
            node[0] -= wanted_cores
            node[1] -= wanted_memory
            if min(node) < 0:
                problems.append(f"{name}: no room for one of its pods on the nodes of {label} while two clusters are there")
    return sorted(set(problems))
