"""The ledger wakes up in the new region. Its hosts claim every shard, and each claim raises the shard's epoch in the promoted database."""

import json
from typing import Any

from deploy.failover.fence import is_fenced, lift, table_statements
from deploy.failover.step import Step, Work

_JOURNAL = "PAYMENTS_JOURNAL"


def look(work: Work) -> list[str]:
    """Return what keeps the ledger asleep."""
    new = work.landscape.new
    todo = []
    # A table that has just been left behind is not asked: the ledger will not write to it.
    if work.planned and is_fenced(table_statements(work, new)):
        todo.append(f"let {new.writer_role} write to {work.landscape.journal_table} in {new.region} again")
    if waking(_ray_service(work), work.journal):
        todo.append(f"wake Ray in {new.cluster}, with the journal {work.journal}")
    return todo


def act(work: Work) -> None:
    """Wake it up."""
    new = work.landscape.new
    if work.planned:
        lift(work, new)
    if changes := waking(_ray_service(work), work.journal):
        work.kubectl(new.cluster, "patch", "rayservice", "payments", "--type=json", f"--patch={json.dumps(changes)}")


def waking(service: dict[str, Any], journal: str) -> list[dict[str, Any]]:
    """Return the changes (RFC 6902) after which a RayService runs with this journal; none if it does already.

    Every container that takes the settings is given the journal as a variable of its own, which goes before what it takes.
    """
    spec = service["spec"]
    changes: list[dict[str, Any]] = []
    for index, group in enumerate(spec["rayClusterConfig"]["workerGroupSpecs"]):
        for kind in ("initContainers", "containers"):
            for place, container in enumerate(group["template"]["spec"].get(kind, [])):
                if "envFrom" in container:
                    path = f"/spec/rayClusterConfig/workerGroupSpecs/{index}/template/spec/{kind}/{place}/env"
                    changes += _setting(container.get("env", []), path, journal)
    if spec.get("suspend"):
        changes.append({"op": "replace", "path": "/spec/suspend", "value": False})
    return changes


def _setting(variables: list[dict[str, Any]], path: str, journal: str) -> list[dict[str, Any]]:
    wanted = {"name": _JOURNAL, "value": journal}
    for place, variable in enumerate(variables):
        if variable["name"] == _JOURNAL:
            return [] if variable == wanted else [{"op": "replace", "path": f"{path}/{place}", "value": wanted}]
    if not variables:
        return [{"op": "add", "path": path, "value": [wanted]}]
    return [{"op": "add", "path": f"{path}/-", "value": wanted}]


def _ray_service(work: Work) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(work.kubectl(work.landscape.new.cluster, "get", "rayservice", "payments", "-o", "json"))
    return found


LEDGER = Step("ledger", look, act)
