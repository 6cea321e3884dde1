"""Running layers of the bench, and reporting what they found."""

import os
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import msgspec

from loadtests.bench import (
    bridges,
    codec,
    core,
    host,
    http_layer,
    journal,
    lists,
    memory,
    over_http,
    projector,
    replay,
    scale,
    sinks,
    sizes,
)
from loadtests.bench.figure import Figure
from loadtests.bench.machine import this_machine
from loadtests.bench.options import Options
from loadtests.bench.report import Report
from loadtests.bench.rounds import Say
from processor.settings import Settings, load_settings

Measure = Callable[[Options, Say], list[Figure]]

ALONE: Mapping[str, Measure] = {
    "core": core.measure,
    "codec": codec.measure,
    "replay": replay.measure,
    "memory": memory.measure,
    "journal": journal.measure,
    "host": host.measure,
    "scale": scale.measure,
    "lists": lists.measure,
    "projector": projector.measure,
    "sinks": sinks.measure,
    "sizes": sizes.measure,
    "bridges": bridges.measure,
    "http_layer": http_layer.measure,
}
"""The layers that need no running instance."""

LAYERS = (*ALONE, *over_http.LAYERS)


def run(layers: Collection[str], options: Options, say: Say) -> Report:
    """Measure these layers (none named: all) in their fixed order.

    Raises BenchFailed, and what starting PostgreSQL, Ray or an instance raises: CannotStart, Unreachable, NoInstance.
    """
    wanted = [layer for layer in LAYERS if layer in layers or not layers]
    machine, started = this_machine(), time.monotonic()
    found = over_http.Findings()
    for layer in wanted:
        if layer in ALONE:
            say(layer)
            found.figures += ALONE[layer](options, say)
    with_instance = [layer for layer in wanted if layer in over_http.LAYERS]
    if with_instance:
        say(", ".join(with_instance))
        over_http.measure(with_instance, options, say, found)
    return Report(found.figures, found.notes, machine, options, _other_settings(), time.monotonic() - started, found.cpu)


def _other_settings() -> dict[str, str]:
    """Return what the instance under load takes over from our settings, but for its place, which is its own."""
    own = {"port", "data_folder", "database_url", "database_port", "ray_port", "dashboard_port", "host"}
    given, defaults = load_settings(os.environ, Path.cwd()), msgspec.structs.asdict(Settings())
    return {
        name: str(value) for name, value in msgspec.structs.asdict(given).items() if name not in own and value != defaults[name]
    }
