"""Aurora's copy becomes the database that is written to."""

from typing import Any

from deploy.failover.step import Step, StepFailed, Work

_LOOKS = 180
_PAUSE_SECONDS = 5.0


def look(work: Work) -> list[str]:
    """Return whether the promotion is still to be done."""
    new = work.landscape.new
    if _is_writer(work, _global_cluster(work)):
        return []
    how = "switch over to" if work.planned else "fail over, with loss of what has not been copied, to"
    return [f"{how} {new.database_cluster} in {new.region}"]


def act(work: Work) -> None:
    """Promote, and wait until the database can be written to. Raises StepFailed."""
    landscape = work.landscape
    names = {
        "GlobalClusterIdentifier": landscape.global_cluster,
        "TargetDbClusterIdentifier": landscape.database_arn(landscape.new),
    }
    cluster = _global_cluster(work)
    if not _is_writer(work, cluster) and not cluster.get("FailoverState"):
        if work.planned:
            # A switch is asked for where the writer is, a failover where it is to be.
            work.clients("rds", landscape.old.region).switchover_global_cluster(**names)
        else:
            work.clients("rds", landscape.new.region).failover_global_cluster(**names, AllowDataLoss=True)
    for _ in range(_LOOKS):
        if _is_writer(work, _global_cluster(work)) and _is_available(work):
            return
        work.pause(_PAUSE_SECONDS)
    raise StepFailed(
        f"{landscape.new.database_cluster} is not the writer after {_LOOKS * _PAUSE_SECONDS / 60:.0f} minutes: see the events of RDS;"
        " README.md says how to take it out of the global cluster by hand"
    )


def _global_cluster(work: Work) -> dict[str, Any]:
    rds = work.clients("rds", work.landscape.new.region)
    [cluster] = rds.describe_global_clusters(GlobalClusterIdentifier=work.landscape.global_cluster)["GlobalClusters"]
    found: dict[str, Any] = cluster
    return found


def _is_writer(work: Work, cluster: dict[str, Any]) -> bool:
    arn = work.landscape.database_arn(work.landscape.new)
    return any(member["DBClusterArn"] == arn and member["IsWriter"] for member in cluster["GlobalClusterMembers"])


def _is_available(work: Work) -> bool:
    new = work.landscape.new
    [cluster] = work.clients("rds", new.region).describe_db_clusters(DBClusterIdentifier=new.database_cluster)["DBClusters"]
    return bool(cluster["Status"] == "available")


DATABASE = Step("database", look, act)
