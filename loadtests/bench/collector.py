"""What Python's garbage collector does while something is timed."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_as_in_a_host() -> Iterator[None]:
    """Collect as rarely as a shard host does (actors/shard_host.py, which cannot be imported without Ray)."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def collector_off() -> Iterator[None]:
    """Collect nothing: the client's garbage is not what is measured."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
