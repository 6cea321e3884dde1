"""A Ray node of the bench's own, on which Serve answers without doing anything: the limit that payments are compared with."""

import shutil
import tempfile
from pathlib import Path

from processor.local.data_folder import DataFolder
from processor.local.ports import LOOPBACK, free_port
from processor.local.ray_node import RayNode
from processor.local.serve_api import ServeApi
from processor.local.serve_config import APPLICATION, Config
from processor.settings import Settings

OPEN_PORTS = "Serve's HAProxy mode binds its metrics and stats ports, and its replicas' own, to every interface while these rounds run"


class LimitNode:
    """Two empty handlers: one behind Serve's HAProxy, one on a listener that its replica owns."""

    def __init__(self) -> None:
        """Prepare it; call `start` next, and `stop` in any case."""
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

    def start(self) -> None:
        """Start it, and return when both answer. Raises CannotStart, Unreachable."""
        self._folder.logs.mkdir(exist_ok=True)
        self._ray.start()
        api = ServeApi(self._ray.dashboard_url)
        api.put(self._config())
        api.wait_until_running(lambda: None)

    def stop(self) -> None:
        """Stop everything at once, since nothing is kept, and remove its files."""
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
