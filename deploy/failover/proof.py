"""The ledger proves itself before anybody says that the failover is over."""

from deploy.failover.step import Step, Work

# Nodes, images, recovery of every shard.
_READY_SECONDS = 900


def look(work: Work) -> list[str]:
    """This is done every time."""
    return ["wait until the ledger is ready, show who owns which shard at which epoch, and run payments verify"]


def act(work: Work) -> None:
    """Run the proof in a pod of the API, beside live state. Raises StepFailed if it does not hold."""
    cluster = work.landscape.new.cluster
    work.kubectl(cluster, "wait", "--for=condition=Ready", "rayservice/payments", f"--timeout={_READY_SECONDS}s")
    pods = work.kubectl(
        cluster, "get", "pods", "--selector=payments/group=api", "--field-selector=status.phase=Running", "-o", "name"
    )
    pod = pods.splitlines()[0]
    for command in ("shards", "verify"):
        work.say(work.kubectl(cluster, "exec", pod, "--", "payments", command))


PROOF = Step("proof", look, act)
