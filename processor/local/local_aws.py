"""What `payments up --aws local` adds to an instance: an emulator of AWS, Valkey in place of ElastiCache, and all bridges."""

import time
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from processor.aws.creation import CannotCreate, create_missing
from processor.bridges.sinks import known_bridges
from processor.local.aws_emulator import AwsEmulator
from processor.local.data_folder import DataFolder
from processor.local.failure import CannotStart
from processor.local.ports import LOOPBACK
from processor.local.server import LoopbackServer
from processor.local.valkey import EmbeddedValkey
from processor.settings import Settings

ENDPOINT_URL = f"http://{LOOPBACK}:4566"
BRIDGES = ",".join(name for name in ("kinesis", "sns", "instructions", "s3", "dynamodb", "redis") if name in known_bridges())
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


def with_local_aws(settings: Settings) -> Settings:
    """Return the settings with the emulator's endpoint and all bridges, where the user has not chosen others. Raises CannotStart."""
    url = settings.aws_endpoint_url or ENDPOINT_URL
    if not _is_loopback(url):
        raise CannotStart(f"PAYMENTS_AWS_ENDPOINT_URL is {url}: with --aws local it must be http://{LOOPBACK}:PORT, or empty")
    return msgspec.structs.replace(settings, aws_endpoint_url=url, bridges=settings.bridges or BRIDGES)


class _Places(msgspec.Struct):
    """Where a running instance has its local AWS: what commands beside it have to know."""

    aws_endpoint_url: str
    redis_url: str


def remember_places(folder: DataFolder, settings: Settings) -> None:
    """Write down where AWS and Redis are, for the instance's owner alone: the URL holds a password."""
    folder.local_aws.touch(mode=0o600)
    folder.local_aws.write_bytes(msgspec.json.encode(_Places(settings.aws_endpoint_url, settings.redis_url)))


def forget_places(folder: DataFolder) -> None:
    """Say that there is none any more."""
    folder.local_aws.unlink(missing_ok=True)


def beside_local_aws(settings: Settings, environment: MutableMapping[str, str]) -> Settings:
    """Return the settings with the places of the local AWS that runs with this data folder, unless they name others themselves."""
    folder = DataFolder(Path(settings.data_folder))
    try:
        places = msgspec.json.decode(folder.local_aws.read_bytes(), type=_Places)
    except (FileNotFoundError, msgspec.MsgspecError):
        return settings
    if settings.aws_endpoint_url:
        return settings
    give_credentials(environment)
    return msgspec.structs.replace(
        settings, aws_endpoint_url=places.aws_endpoint_url, redis_url=settings.redis_url or places.redis_url
    )


def give_credentials(environment: MutableMapping[str, str]) -> None:
    """Add credentials, which the emulator never checks, if there are none: without any, boto3 sends nothing."""
    if "AWS_ACCESS_KEY_ID" not in environment:
        environment.update(CREDENTIALS)


class LocalAws:
    """The servers of one instance."""

    def __init__(self, settings: Settings, folder: DataFolder) -> None:
        """Prepare the servers; `settings` are those that `with_local_aws` returns. No Valkey if they name one."""
        self._settings = settings
        port = urlsplit(settings.aws_endpoint_url).port or 0
        # Payments come first. Not so before Valkey: payments may wait for it.
        self.emulator = AwsEmulator(folder.aws, folder.logs / "aws.log", port, gives_way=True)
        self.valkey = None if settings.redis_url else EmbeddedValkey(folder.valkey, folder.logs / "valkey.log")
        self._pause_seconds = _PAUSE_SECONDS
        self._next_try = 0.0

    @property
    def port(self) -> int:
        """The emulator's port."""
        return self.emulator.port

    def create(self) -> str:
        """Make what is missing in the emulator; return a few words on it. Raises CannotStart."""
        try:
            made = [created.made for created in create_missing(self._settings)]
        except CannotCreate as error:
            raise CannotStart(f"{error} (the emulator's log: {self.emulator.log_path})") from error
        return f"{sum(made)} made, {len(made) - sum(made)} were there"

    def revive(self) -> Iterator[str]:
        """Start again what has ended by itself, after a pause; say so in lines. Payments need none of it: they go on meanwhile."""
        ended = [server for server in self._started() if server.exit_code() is not None]
        if not ended or time.monotonic() < self._next_try:
            return
        try:
            for server in ended:
                yield f"{server.title} ended unexpectedly (exit code {server.exit_code()}), it is started again: {server.log_path}"
                server.start()
            self.create()
            self._pause_seconds = _PAUSE_SECONDS
        except CannotStart as error:
            yield str(error)
            self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._next_try = time.monotonic() + self._pause_seconds

    def kill(self) -> None:
        """Let all end by themselves, without waiting: killed, the emulator would lose what it has in memory."""
        for server in self._started():
            server.ask_to_stop()

    def _started(self) -> list[LoopbackServer]:
        return [server for server in (self.emulator, self.valkey) if server and server.has_started]


def _is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (parts.scheme, parts.hostname) == ("http", LOOPBACK) and bool(parts.port)
    except ValueError:
        return False


def end_leftovers(folder: DataFolder) -> None:
    """End what a killed run left over."""
    for server in (AwsEmulator(folder.aws), EmbeddedValkey(folder.valkey)):
        server.end_leftovers()
