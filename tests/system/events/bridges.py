"""The bridges of a running instance, as a test sees them."""

from typing import Any

import httpx
import psutil

from tests.system.instance import Instance
from tests.system.ledger.waiting import wait_until

_ACTOR = "ray::Bridge"


def statuses(instance: Instance) -> dict[str, dict[str, Any]]:
    """Return what `/v1/bridges` says, by name."""
    answer = httpx.get(f"{instance.url}/v1/bridges", timeout=30)
    assert answer.status_code == 200, answer.text
    return {bridge["name"]: bridge for bridge in answer.json()["data"]}


def actors(instance: Instance) -> dict[str, psutil.Process]:
    """Return the bridges' processes, by what the process is called."""
    found = {}
    for process in instance.processes():
        try:
            title = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if title.startswith(_ACTOR) and "Bridges" not in title:
            found[f"{title} {process.pid}"] = process
    return found


def wait_until_carried_over(instance: Instance, names: set[str], timeout_seconds: float = 180) -> None:
    """Return when these bridges run and lack no record."""

    def is_done() -> bool:
        known = statuses(instance)
        return all(known[name]["state"] == "running" and known[name]["lag_records"] == 0 for name in names)

    try:
        wait_until(is_done, "bridges to carry everything over", timeout_seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}: {statuses(instance)}") from error
