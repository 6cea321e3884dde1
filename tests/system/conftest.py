"""Fixtures of the system tests: whole instances, which are stopped and removed afterwards."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.instance import Instance, new_folder


@pytest.fixture
def new_instance() -> Iterator[Callable[..., Instance]]:
    """Return a function that makes an instance with other settings than the usual; it does not start it."""
    made: list[Instance] = []

    def make(**settings: object) -> Instance:
        made.append(Instance(new_folder(), **settings))
        return made[-1]

    yield make
    for instance in made:
        instance.remove()


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    """Return a running instance that all tests of the module share: leave it running."""
    shared = Instance(new_folder(), shards=4, shard_hosts=2)
    try:
        yield shared.start()
    finally:
        shared.remove()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that the embedded database's user can enter."""
    folder = new_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
