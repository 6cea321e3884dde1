"""The instance under load: one that runs already, or one of our own that ends with the load test."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from loadtests.run.failure import CannotRun
from processor.client.address import Address
from processor.demo.instance import OwnInstance, is_running
from processor.local.data_folder import DataFolder
from processor.settings import PREFIX, Settings, load_settings

_PLACES = {"host", "port", "data_folder", "database_url", "database_port", "ray_port", "dashboard_port"}


class Target(msgspec.Struct, frozen=True):
    """Where the load goes. `environment` holds the instance's settings, with which its database can be reached; None: unknown."""

    address: Address
    environment: Mapping[str, str] | None

    @property
    def other_settings(self) -> dict[str, str] | None:
        """The settings that differ from their defaults, but for where things are; None if they are unknown."""
        if self.environment is None:
            return None
        given, defaults = load_settings(self.environment, Path.cwd()), Settings()
        names = [name for name in Settings.__struct_fields__ if name not in _PLACES]
        return {name: str(getattr(given, name)) for name in names if getattr(given, name) != getattr(defaults, name)}


async def running_target(address: Address) -> Target:
    """Return the instance at the address. Raises CannotRun if nobody is there, NoInstance."""
    if not await is_running(address):
        raise CannotRun(
            f"nobody listens at {address.url}: `payments up` starts an instance; without --url one of its own is started"
        )
    settings = load_settings(os.environ, Path.cwd())
    is_at_hand = (address.host, address.port) == (settings.host, settings.port)
    return Target(address, os.environ if is_at_hand else None)


@asynccontextmanager
async def own_target(shard_hosts: int, say: Callable[[str], None]) -> AsyncIterator[Target]:
    """Give an instance in a temporary folder with so many shard hosts; it is stopped and removed afterwards.

    Raises CannotStart, NoInstance.
    """
    with _default("SHARD_HOSTS", str(shard_hosts)):
        own = OwnInstance(say)
    try:
        await own.wait_until_ready()
        yield Target(own.address, own.environment)
    finally:
        own.stop()
        shutil.rmtree(DataFolder(Path(own.environment[f"{PREFIX}DATA_FOLDER"])).ray_files, ignore_errors=True)


@contextmanager
def _default(setting: str, value: str) -> Iterator[None]:
    """Set a variable for a child that takes over ours, unless somebody has set it."""
    variable = PREFIX + setting
    if variable in os.environ:
        yield
        return
    os.environ[variable] = value
    try:
        yield
    finally:
        del os.environ[variable]
