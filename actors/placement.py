"""Where actors are started: on the node of the replica that keeps them.

So the replica's place, which its resources in the Serve config decide, is theirs too: shard hosts stay on the nodes that are meant for
them, and a bridge has the rights that its node has. A node's end takes the keeper along with what it keeps: neither waits for the other.
On a node that is being drained Ray refuses at once (ActorUnschedulableError); its keeper then ends too, and Serve starts one elsewhere.
"""

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

NAMESPACE = "payments"
"""Ray's namespace of our actors."""


def beside_me() -> NodeAffinitySchedulingStrategy:
    """Return the scheduling strategy of an actor that has to be on this process's node."""
    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
