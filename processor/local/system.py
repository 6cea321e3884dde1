"""A whole instance on this machine: database, Ray, shard hosts and API, with AWS if asked for, started and stopped in order."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from processor.local.data_folder import DataFolder
from processor.local.database import place_of, prepare_ledger
from processor.local.failure import CannotStart
from processor.local.local_aws import LocalAws, end_leftovers, forget_places, remember_places, with_local_aws
from processor.local.ports import LOOPBACK, is_free
from processor.local.postgres import EmbeddedPostgres
from processor.local.ray_node import RayNode
from processor.local.serve_api import ServeApi, Unreachable
from processor.local.serve_config import Config, serve_config, write_config
from processor.settings import PREFIX, Settings

_READY_SECONDS = 60
_DRAIN_SECONDS = 8
_POLL_SECONDS = 0.1


class Stage(NamedTuple):
    """One step of the start or the stop. `run` returns a few words on what it did."""

    title: str
    run: Callable[[], str]


class System:
    """One instance. Run `start_stages` in order, ask `failure` now and then, and in the end always run `stop_stages`."""

    def __init__(self, settings: Settings, config: Config | None = None, aws: bool = False) -> None:
        """Prepare an instance; nothing is touched before the first stage. `config` is what Serve runs, if not the usual; `aws`
        adds an emulator of AWS, and Valkey. Raises CannotStart."""
        self._folder = DataFolder(Path(settings.data_folder))
        settings = with_local_aws(settings) if aws else settings
        self._aws = LocalAws(settings, self._folder) if aws else None
        self._settings = msgspec.structs.replace(settings, data_folder=str(self._folder.path))
        self._config = config or serve_config(settings)
        self._postgres: EmbeddedPostgres | None = None
        self._ray: RayNode | None = None

    @property
    def api_url(self) -> str:
        """Where the API listens."""
        return f"http://{self._settings.host}:{self._settings.port}"

    @property
    def settings(self) -> Settings:
        """The settings that the instance really has: those of embedded servers are known once these have been started."""
        return self._settings

    @property
    def dashboard_url(self) -> str:
        """Where Ray's dashboard listens, once it has been started."""
        return self._ray.dashboard_url if self._ray else ""

    def start_stages(self) -> list[Stage]:
        """Return the steps of a start. Each raises CannotStart or Unreachable."""
        database = "Database" if self._settings.database_url else "PostgreSQL"
        return [
            Stage("Data folder", self._take_folder),
            *self._aws_stages(),
            Stage(database, self._start_database),
            Stage("Ray", self._start_ray),
            Stage("Shard hosts and API", self._start_serve),
        ]

    def _aws_stages(self) -> list[Stage]:
        if self._aws is None:
            return []
        stages = [Stage("AWS emulator", self._start_emulator)]
        if self._aws.valkey:
            stages.append(Stage("Valkey", self._start_valkey))
        return [*stages, Stage("Streams, queues, tables", self._create_missing)]

    def stop_stages(self) -> list[Stage]:
        """Return the steps of a stop, for what has been started. Run all of them, even if one fails."""
        stages = []
        if self._ray:
            stages = [Stage("Shard hosts and API", self._stop_serve), Stage("Ray", self._stop_ray)]
        if self._aws and self._aws.emulator.has_started:
            stages.append(Stage("AWS emulator and Valkey", self._stop_aws))
        if self._postgres and self._postgres.has_started:
            stages.append(Stage("PostgreSQL", self._stop_postgres))
        return stages

    def failure(self) -> str | None:
        """Return one line about a child that has ended by itself, or None if all run."""
        if self._postgres and self._postgres.exit_code() is not None:
            return f"PostgreSQL ended unexpectedly (exit code {self._postgres.exit_code()}): see {self._postgres.log_path}"
        if self._ray and self._ray.exit_code() is not None:
            return f"Ray ended unexpectedly (exit code {self._ray.exit_code()}): see {self._ray.log_path}"
        return None

    def revive(self) -> Iterator[str]:
        """Start again those children that payments can do without, if they have ended; say so in lines."""
        if self._aws:
            yield from self._aws.revive()

    def kill(self) -> None:
        """End everything at once. Nothing that was acknowledged is lost."""
        if self._ray:
            self._ray.kill()
        if self._aws:
            self._aws.kill()
        if self._postgres and self._postgres.has_started:
            self._postgres.kill()

    def _take_folder(self) -> str:
        if self._settings.host != LOOPBACK:
            raise CannotStart(f"PAYMENTS_HOST is {self._settings.host}: without authentication only {LOOPBACK} may be served")
        self._folder.acquire()
        # What a killed run left over holds ports, so it goes first.
        RayNode(self._settings, self._folder).end_leftovers()
        end_leftovers(self._folder)
        if not self._settings.database_url:
            log_path = self._folder.logs / "postgres.log"
            self._postgres = EmbeddedPostgres(self._folder.postgres, log_path, self._settings.database_port)
            self._postgres.end_leftovers()
        self._check_ports()
        return str(self._folder.path)

    def _check_ports(self) -> None:
        for name in ("port", "database_port", "ray_port", "dashboard_port"):
            port = getattr(self._settings, name)
            if port and not is_free(port):
                choice = "another port" if name == "port" else "another port, or to 0 for a free one"
                raise CannotStart(f"port {port} is taken by another program: set {PREFIX}{name.upper()} to {choice}")
        if self._aws and not is_free(self._aws.port):
            choice = f"http://{LOOPBACK}:PORT with another port"
            raise CannotStart(f"port {self._aws.port} is taken by another program: set {PREFIX}AWS_ENDPOINT_URL to {choice}")

    def _start_emulator(self) -> str:
        if self._aws:
            self._aws.emulator.start()
        return self._settings.aws_endpoint_url

    def _start_valkey(self) -> str:
        if not self._aws or not self._aws.valkey:
            return "none"
        valkey = self._aws.valkey
        valkey.start()
        self._settings = msgspec.structs.replace(self._settings, redis_url=valkey.url)
        return f"{LOOPBACK}:{valkey.port}, password in {valkey.password_path}"

    def _create_missing(self) -> str:
        if not self._aws:
            return "none"
        remember_places(self._folder, self._settings)
        return self._aws.create()

    def _start_database(self) -> str:
        if self._postgres:
            self._settings = msgspec.structs.replace(self._settings, database_url=self._postgres.start())
        prepare_ledger(self._settings)
        place = place_of(self._settings.database_url)
        if self._postgres and self._postgres.home.moved:
            return f"{place}, files in {self._postgres.location}, because its user cannot enter the data folder"
        return place

    def _start_ray(self) -> str:
        self._ray = RayNode(self._settings, self._folder)
        self._ray.start()
        return self._ray.dashboard_url

    def _start_serve(self) -> str:
        write_config(self._folder.serve_config, self._config)
        api = ServeApi(self.dashboard_url)
        api.put(self._config)
        api.wait_until_running(self._raise_failure)
        deadline = time.monotonic() + _READY_SECONDS
        while not _answers(f"{self.api_url}/readyz"):
            self._raise_failure()
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"{self.api_url}/readyz did not say in {_READY_SECONDS} s that all is ready: see {self._folder.logs}/ray"
                )
            time.sleep(_POLL_SECONDS)
        return self.api_url

    def _raise_failure(self) -> None:
        failure = self.failure()
        if failure:
            raise CannotStart(failure)

    def _stop_serve(self) -> str:
        if self._ray is None or self._ray.exit_code() is not None:
            return "was gone"
        try:
            return "drained" if ServeApi(self.dashboard_url).remove(_DRAIN_SECONDS) else "still busy, ended with Ray"
        except Unreachable:
            return "did not answer, ended with Ray"

    def _stop_ray(self) -> str:
        if self._ray:
            self._ray.stop()
        return "stopped"

    def _stop_aws(self) -> str:
        if self._aws and self._aws.valkey:
            self._aws.valkey.stop()
        if self._aws:
            self._aws.emulator.stop()
        forget_places(self._folder)
        return "stopped, data kept"

    def _stop_postgres(self) -> str:
        if self._postgres:
            self._postgres.stop()
        return "stopped"


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
