"""A pod's end: Serve lets its replicas finish before Ray ends. Kubernetes runs this program first (preStop).

Without it Ray would be the first to hear of the end, and kill: requests under way would be lost, and shards would stand still until their
host's lease has run out. Told to drain the node, Serve ends its replicas as it does in any update: an API replica answers what it has
taken, a shard host gives its shards up to the others. Serve would rather wait for room elsewhere first, since it cannot know that hosts
need none to take shards over; so the deadline that it is given is as near as a replica's own end needs.
"""

import argparse
import os
import sys
import time

import psutil
from ray._raylet import GcsClient  # type: ignore[attr-defined]
from ray.core.generated import autoscaler_pb2

REPLICA_SECONDS_MAX = 15.0
"""The longest `graceful_shutdown_timeout_s` of our deployments."""

_REPLICA = "ray::ServeReplica"
_NODE_ID = "--node_id="
_POLL_SECONDS = 0.2


def raylets() -> dict[str, psutil.Process]:
    """Return Ray's node processes on this machine by the ids of their nodes. In a pod there is one."""
    found = {}
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "raylet":
            for argument in process.info["cmdline"] or ():
                if argument.startswith(_NODE_ID):
                    found[argument.removeprefix(_NODE_ID)] = process
    return found


def replicas(raylet: psutil.Process) -> list[psutil.Process]:
    """Return the processes of Serve's replicas on the node."""
    found = []
    try:
        for child in raylet.children(recursive=True):
            try:
                if child.cmdline()[:1] and child.cmdline()[0].startswith(_REPLICA):
                    found.append(child)
            except psutil.Error:
                pass  # It has ended just now.
    except psutil.Error:
        pass
    return found


def drain(address: str, node_id: str) -> None:
    """Tell Ray that the node is about to go. Raises RuntimeError if it does not want to hear of it."""
    reason = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    deadline_ms = int((time.time() + REPLICA_SECONDS_MAX + 1) * 1000)
    is_accepted, why = GcsClient(address=address).drain_node(node_id, reason, "the pod is told to end", deadline_ms)
    if not is_accepted:
        raise RuntimeError(f"Ray does not drain node {node_id}: {why}")


def leave(address: str, node_id: str | None, after_seconds: float, timeout_seconds: float) -> bool:
    """Drain a node, the only one of this machine if none is named, and return whether all its replicas have ended in time."""
    nodes = raylets()
    if node_id is None and len(nodes) != 1:
        raise RuntimeError(f"there are {len(nodes)} nodes of Ray on this machine: name one with --node-id")
    node_id = node_id or next(iter(nodes))
    # Meanwhile load balancers learn that the pod is going, and send nothing new.
    time.sleep(after_seconds)
    deadline = time.monotonic() + timeout_seconds
    drain(address, node_id)
    while replicas(nodes[node_id]):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def main() -> None:
    """Run the program. Whatever goes wrong, the pod ends: what it leaves behind is recovered as after a crash."""
    parser = argparse.ArgumentParser(description="Let the replicas of this pod finish, before it ends.")
    parser.add_argument("--after-seconds", type=float, default=0.0, help="wait first, until load balancers send nothing more")
    parser.add_argument("--timeout-seconds", type=float, default=30.0, help="how long replicas may take")
    parser.add_argument("--node-id", help="which of Ray's nodes, if there are several on this machine")
    given = parser.parse_args()
    try:
        ended = leave(os.environ["RAY_ADDRESS"], given.node_id, given.after_seconds, given.timeout_seconds)
    except Exception as error:
        sys.exit(f"not drained: {error}")
    print("all replicas have ended" if ended else f"some replicas have not ended in {given.timeout_seconds:g} s")


if __name__ == "__main__":
    main()
