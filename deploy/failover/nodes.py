"""Nodes for the ledger in the new region: first, because they take the longest."""

from deploy.failover.step import Step, Work


def _missing(work: Work) -> dict[str, int]:
    region = work.landscape.new
    eks = work.clients("eks", region.region)
    sizes = {
        group: eks.describe_nodegroup(clusterName=region.cluster, nodegroupName=group)["nodegroup"]["scalingConfig"][
            "desiredSize"
        ]
        for group in region.nodes
    }
    return {group: wanted for group, wanted in region.nodes.items() if sizes[group] < wanted}


def look(work: Work) -> list[str]:
    """Return the groups that are too small."""
    return [f"give {group} {wanted} nodes" for group, wanted in _missing(work).items()]


def act(work: Work) -> None:
    """Ask for the nodes. They come while the other steps go on."""
    region = work.landscape.new
    eks = work.clients("eks", region.region)
    for group, wanted in _missing(work).items():
        # One more than that may be there while a node is replaced.
        sizes = {"minSize": wanted, "desiredSize": wanted, "maxSize": wanted + 1}
        eks.update_nodegroup_config(clusterName=region.cluster, nodegroupName=group, scalingConfig=sizes)


NODES = Step("nodes", look, act)
