"""Layer `serve_limit`: what Serve answers without doing anything, on a Ray node of the bench's own, from the same client."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Self

from loadtests.bench import bare_uvicorn
from loadtests.bench.figure import Figure
from loadtests.bench.options import Options
from loadtests.bench.payments_instance import SINGLES_A_SECOND_MAX, run_load
from loadtests.bench.rounds import Side
from loadtests.workload import Workload
from processor.client.load import run_single
from processor.local.data_folder import DataFolder
from processor.local.ports import LOOPBACK, free_port
from processor.local.ray_node import RayNode
from processor.local.serve_api import ServeApi
from processor.local.serve_config import APPLICATION, Config
from processor.settings import Settings

BEHIND_HAPROXY = "an empty Serve handler behind HAProxy"
OWN_LISTENER = "an empty handler on a replica's own listener"
OPEN_PORTS = (
    "HAProxy's metrics and stats ports are open on every interface while Serve's limit is measured (Ray 2.60 cannot close them)"
)


class LimitNode:
    """Two empty handlers: one behind Serve's HAProxy, one on a listener that its replica owns."""

    def __init__(self) -> None:
        """Choose ports and folders; it starts on entry and is gone after the exit."""
        self._folder = DataFolder(Path(tempfile.mkdtemp(prefix="payments-bench-")))
        # Short: a Unix socket's path may have 97 bytes for HAProxy, and Serve puts 57 of its own into it.
        self._haproxy_files = Path(tempfile.mkdtemp(prefix="ha-", dir="/tmp"))
        self._proxy_port, self._listener_port = free_port(), free_port()
        self._ray = RayNode(Settings(dashboard_port=0), self._folder, self._environment())

    @property
    def proxy_url(self) -> str:
        """The handler behind HAProxy."""
        return f"http://{LOOPBACK}:{self._proxy_port}"

    @property
    def listener_url(self) -> str:
        """The handler on a listener of its own."""
        return f"http://{LOOPBACK}:{self._listener_port}"

    def __enter__(self) -> Self:
        """Start it, and return when both answer. Raises CannotStart, Unreachable."""
        self._folder.logs.mkdir()
        try:
            self._ray.start()
            api = ServeApi(self._ray.dashboard_url)
            api.put(self._config())
            api.wait_until_running(lambda: None)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def sides(self, options: Options) -> list[Side]:
        """Return the sides to be measured."""
        return [_side(BEHIND_HAPROXY, self.proxy_url, options), _side(OWN_LISTENER, self.listener_url, options)]

    def _stop(self) -> None:
        self._ray.stop()
        for folder in (self._folder.path, self._folder.ray_files, self._haproxy_files):
            shutil.rmtree(folder, ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        files = self._haproxy_files
        return {
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            # The defaults are the same for all nodes of a machine.
            "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(files / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(files / "admin.sock"),
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(files / "metrics.sock"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(files),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(files / "server-state"),
            "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "1",
        }

    def _config(self) -> Config:
        return {
            "proxy_location": "HeadOnly",
            "http_options": {"host": LOOPBACK, "port": self._proxy_port},
            "applications": [
                {
                    "name": APPLICATION,
                    "route_prefix": "/",
                    "import_path": "loadtests.bench.empty_app:build",
                    "args": {"port": str(self._listener_port)},
                }
            ],
        }


def figures(samples: Mapping[str, list[float]]) -> list[Figure]:
    """Return the layer's figures."""
    limit = median(samples[bare_uvicorn.NAME])
    return [
        *(
            Figure("serve_limit", name, "requests/s", samples[name], None, limit, bare_uvicorn.NAME)
            for name in (BEHIND_HAPROXY, OWN_LISTENER)
        ),
        Figure("serve_limit", bare_uvicorn.NAME, "requests/s", samples[bare_uvicorn.NAME]),
    ]


def _side(name: str, url: str, options: Options) -> Side:
    # The same bodies in every round: nobody remembers them.
    bodies = Workload("random_accounts", options.accounts, 0).singles(round(options.seconds * SINGLES_A_SECOND_MAX) + 1)
    return Side(name, lambda: run_load(run_single(url, bodies, options.connections, seconds=options.seconds)).rate)
