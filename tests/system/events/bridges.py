"""The bridges of a running instance, as a test sees them."""

import time
from typing import Any

import httpx
import psutil

from tests.system.instance import Instance

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


def wait_until_carried_over(instance: Instance, names: set[str], patience_seconds: float = 180) -> None:
    """Return when these bridges run and lack no record. Fails when for so long none of them has got any further.

    Bridges give way to whatever else runs on the machine, so how long it takes in all says nothing of them.
    """
    known = statuses(instance)
    furthest, give_up_at = 0, time.monotonic() + patience_seconds
    while not all(known[name]["state"] == "running" and known[name]["lag_records"] == 0 for name in names):
        if (published := sum(known[name]["published"] for name in names)) > furthest:
            furthest, give_up_at = published, time.monotonic() + patience_seconds
        behind = {name: (known[name]["state"], known[name]["lag_records"], known[name]["problem"]) for name in sorted(names)}
        assert time.monotonic() < give_up_at, f"for {patience_seconds:g} s no bridge got any further: {behind}"
        time.sleep(0.2)
        known = statuses(instance)
