"""The pods of a RayService on this machine: one node of Ray for each group, with the group's resources and variables."""

import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path
from tempfile import mkdtemp

import psutil

from processor.local.child import Child, last_line
from processor.local.ports import LOOPBACK, free_port
from processor.local.serve_api import ServeApi
from tests.infra.kuberay.manifests import ROOT, Manifest, environment, groups

# What the operator adds on a cluster, or what on this machine must be other than there.
_HERE = {
    # Ray's name for "this node must be reachable by others"; without it everything binds to all interfaces.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "1",
    "RAY_raylet_start_wait_time_s": "60",
    "PYTHONPATH": str(ROOT),
}
_START_SECONDS = 120
# Ray's own processes of each node.
_OWN = {"DashboardAgent", "RuntimeEnvAgent", "IDLE"}
_STARTED = "This command will now block"


class LocalRay:
    """Ray's nodes. `overrides` replaces variables that a cluster has and this machine has not, such as the database's URL."""

    def __init__(self, found: list[Manifest], overrides: dict[str, str]) -> None:
        self._found = found
        self._overrides = overrides
        self._folder = Path(mkdtemp(prefix="ray-", dir="/tmp"))
        self._nodes: dict[str, Child] = {}
        self._dashboard_port = free_port()
        self._token = "only-for-this-test-0123456789abcdef"
        self.address = f"{LOOPBACK}:{free_port()}"
        self.api = ServeApi(f"http://{LOOPBACK}:{self._dashboard_port}", self._token)

    def start(self, *names: str) -> None:
        """Start the head, and a node for each of these groups: `api`, or `api/2` where there are several."""
        port = self.address.rpartition(":")[2]
        self._start(
            "head", ["--head", f"--port={port}", f"--dashboard-port={self._dashboard_port}", f"--dashboard-host={LOOPBACK}"]
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self.api.is_up():
            self._check("head", deadline)
            time.sleep(0.2)
        # One after the other: nodes that start at the same moment on one machine get in each other's way.
        for name in names:
            self._start(name, [f"--address={self.address}"])
            while _STARTED not in self._nodes[name].log_path.read_text():
                self._check(name, deadline)
                time.sleep(0.1)

    def variables(self, name: str) -> dict[str, str]:
        """Return the variables of a group's Ray container, as they are here."""
        group = groups(self._found)[name.partition("/")[0]]
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PAYMENTS_", "RAY_"))}
        own = environment(self._found, group["template"]["spec"]["containers"][0])
        authentication = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self._token, "RAY_ADDRESS": self.address}
        overrides = {key: value for key, value in self._overrides.items() if key in own}
        return inherited | own | authentication | _HERE | overrides | {"HOME": str(self._folder), "TMPDIR": str(self._folder)}

    def raylet(self, name: str) -> psutil.Process:
        """Return the group's node process."""
        children = psutil.Process(self._nodes[name].pid).children(recursive=True)
        return next(child for child in children if child.name() == "raylet")

    def node_id(self, name: str) -> str:
        """Return the id of the group's node."""
        found = re.search(r"--node_id=([0-9a-f]+)", " ".join(self.raylet(name).cmdline()))
        assert found
        return found[1]

    def actors(self, name: str) -> set[str]:
        """Return what Ray calls the actors' processes of a group's node."""
        titles = {" ".join(child.cmdline()) for child in self.raylet(name).children(recursive=True)}
        return {title.removeprefix("ray::").partition(".")[0].strip() for title in titles if title.startswith("ray::")} - _OWN

    def logs(self) -> str:
        """Return the last lines of all nodes' logs."""
        return "\n".join(f"{name}: {last_line(child.log_path)}" for name, child in self._nodes.items())

    def stop(self) -> None:
        """End all processes."""
        for child in self._nodes.values():
            child.signal(signal.SIGTERM)
        for child in self._nodes.values():
            if not child.wait(10):
                child.signal(signal.SIGKILL)
            for process in psutil.process_iter(["pid"]):
                try:
                    if os.getsid(process.pid) == child.pid:
                        process.kill()
                except (ProcessLookupError, psutil.Error):
                    pass
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, name: str, options: list[str]) -> None:
        parameters = groups(self._found)[name.partition("/")[0]]["rayStartParams"]
        resources = parameters.get("resources", "'{}'").strip("'")
        assert json.loads(resources) is not None
        program = ["-m", "ray.scripts.scripts"] if name == "head" else [str(Path(__file__).with_name("join_ray.py"))]
        command = [sys.executable, *program, "start", "--block", "--disable-usage-stats", *options]
        command += [f"--node-ip-address={LOOPBACK}", f"--num-cpus={parameters['num-cpus']}", f"--resources={resources}"]
        command += [f"--object-store-memory={parameters['object-store-memory']}", "--include-log-monitor=false"]
        free = ("dashboard-agent-listen-port", "dashboard-agent-grpc-port", "metrics-export-port", "runtime-env-agent-port")
        command += [f"--{port}=0" for port in (*free, "min-worker-port", "max-worker-port")]
        if name == "head":
            command += [f"--temp-dir={self._folder}", "--no-monitor", f"--ray-client-server-port={free_port()}"]
        self._nodes[name] = Child(command, self._folder / f"{name.replace('/', '-')}.log", self.variables(name), signal.SIGTERM)

    def _check(self, name: str, deadline: float) -> None:
        if self._nodes[name].exit_code() is not None or time.monotonic() > deadline:
            raise AssertionError(f"Ray did not start: {self.logs()}")
