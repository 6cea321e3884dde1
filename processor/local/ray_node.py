"""The one Ray node of a local instance: a child process that listens on loopback only."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import processor
from processor.local.child import Child, last_line
from processor.local.data_folder import DataFolder
from processor.local.failure import CannotStart
from processor.local.leftovers import end_session, remember
from processor.local.ports import LOOPBACK, free_port
from processor.local.serve_api import ServeApi
from processor.settings import PREFIX, Settings

_POLL_SECONDS = 0.1
# Enough for every replica that the settings allow; our actors ask for no CPU, the operating system shares them out.
_LOGICAL_CPUS = 256
_OBJECT_STORE_BYTES = 200 * 1024 * 1024
_FIXED_ENVIRONMENT = {
    # Ray's name for "this node must be reachable by others"; without it everything binds to all interfaces.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "1",
    # Otherwise it starts one idle worker for each logical CPU.
    "RAY_prestart_worker_first_driver": "0",
    "RAY_enable_worker_prestart": "0",
    # Ray makes all workers nice, the ledger's as well: then bridges, projections and the audit could hardly give way to them.
    "RAY_worker_niceness": "0",
    "RAY_ROTATION_MAX_BYTES": str(16 * 1024 * 1024),
    "RAY_ROTATION_BACKUP_COUNT": "2",
}


class RayNode:
    """Ray's processes: control store, raylet, dashboard with Serve's REST API, and all workers."""

    def __init__(self, settings: Settings, folder: DataFolder, environment: Mapping[str, str] | None = None) -> None:
        """Prepare a node whose workers read `settings` from their environment, and find there what `environment` adds."""
        self._settings = settings
        self._folder = folder
        self._more_environment = dict(environment or {})
        self.log_path = folder.logs / "ray.log"
        self.dashboard_port = 0
        self._child: Child | None = None

    @property
    def dashboard_url(self) -> str:
        """Where the dashboard and Serve's REST API listen."""
        return f"http://{LOOPBACK}:{self.dashboard_port}"

    @property
    def pid(self) -> int | None:
        """The process id of `ray start`, the parent of all other processes of the node."""
        return self._child.pid if self._child else None

    def exit_code(self) -> int | None:
        """Return the exit code of the node, None while it runs. It ends when one of its system processes does."""
        return self._child.exit_code() if self._child else None

    def end_leftovers(self) -> None:
        """End what is left of a node whose starter was killed."""
        end_session(self._folder.ray_session, signal.SIGTERM)

    def start(self, timeout_seconds: float = 60) -> None:
        """Start the node and return once the dashboard answers. Raises CannotStart."""
        self._prepare_files()
        self.dashboard_port = self._settings.dashboard_port or free_port()
        # When we die, it stops its children itself: if it were killed, some of them would linger for minutes.
        self._child = Child(self._command(), self.log_path, self._environment(), signal.SIGTERM)
        remember(self._folder.ray_session, self._child.pid)
        api, deadline = ServeApi(self.dashboard_url), time.monotonic() + timeout_seconds
        while not api.is_up():
            if self._child.exit_code() is not None or time.monotonic() > deadline:
                raise CannotStart(f"Ray did not start: {last_line(self.log_path)} (log: {self.log_path})")
            time.sleep(_POLL_SECONDS)
        self._folder.dashboard_url.write_text(self.dashboard_url)

    def stop(self, timeout_seconds: float = 8) -> None:
        """Stop all processes of the node; those that are left after the timeout are killed."""
        if self._child:
            self._child.signal(signal.SIGTERM)
            if not self._child.wait(timeout_seconds):
                self._child.signal(signal.SIGKILL)
                self._child.wait(timeout_seconds)
        self.end_leftovers()
        self._folder.dashboard_url.unlink(missing_ok=True)

    def kill(self) -> None:
        """End everything at once."""
        end_session(self._folder.ray_session, signal.SIGKILL)

    def _command(self) -> list[str]:
        ports = {
            "port": self._settings.ray_port or free_port(),
            "dashboard-port": self.dashboard_port,
            "ray-client-server-port": free_port(),
            # 0: Ray chooses.
            "dashboard-agent-listen-port": 0,
            "dashboard-agent-grpc-port": 0,
            "metrics-export-port": 0,
            "runtime-env-agent-port": 0,
            "min-worker-port": 0,
            "max-worker-port": 0,
        }
        command = [
            sys.executable,
            "-m",
            "ray.scripts.scripts",
            "start",
            "--head",
            "--block",
            "--disable-usage-stats",
            "--no-monitor",
        ]
        command += [f"--node-ip-address={LOOPBACK}", f"--dashboard-host={LOOPBACK}", "--include-log-monitor=false"]
        command += [f"--num-cpus={_LOGICAL_CPUS}", f"--object-store-memory={_OBJECT_STORE_BYTES}"]
        command += [f"--temp-dir={self._ray_folder}", "--log-style=record", "--log-color=false"]
        return command + [f"--{name}={port}" for name, port in ports.items()]

    def _environment(self) -> dict[str, str]:
        # What the caller's shell says of Ray may be about another cluster, and could open ports to others.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "RAY_"))}
        packages = str(Path(processor.__file__).parent.parent)
        # Ray leaves temporary files behind; there the next start removes them.
        files = str(self._ray_folder)
        path = os.pathsep.join(part for part in (packages, inherited.get("PYTHONPATH")) if part)
        own = self._settings.to_environment() | _FIXED_ENVIRONMENT | self._more_environment
        return inherited | own | {"PYTHONPATH": path, "TMPDIR": files}

    @property
    def _ray_folder(self) -> Path:
        # Ray opens its folder to everybody, so it lies in one that is closed.
        return self._folder.ray_files / "ray"

    def _prepare_files(self) -> None:
        """Make Ray's folder, drop all sessions but the last one, and link the logs of the next one."""
        private, files = self._folder.ray_files, self._ray_folder
        private.mkdir(mode=0o700, exist_ok=True)
        if private.is_symlink() or private.stat().st_uid != os.geteuid():
            raise CannotStart(f"{private} belongs to another user: remove it, or choose another PAYMENTS_DATA_FOLDER")
        private.chmod(0o700)
        files.mkdir(exist_ok=True)
        last = (files / "session_latest").resolve()
        for entry in files.iterdir():
            if entry.is_dir() and not entry.is_symlink() and entry != last:
                shutil.rmtree(entry, ignore_errors=True)
        link = self._folder.logs / "ray"
        link.unlink(missing_ok=True)
        link.symlink_to(files / "session_latest" / "logs")
