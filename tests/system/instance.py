"""One whole instance: the real command line, on free ports, in a folder of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from processor.local.data_folder import DataFolder
from processor.local.ports import free_port

ROOT = Path(__file__).parents[2]
COMMAND_LINE = [sys.executable, "-m", "processor.cli.main"]
LAST_LINE = "Stop it:"
# How long the kernel and Ray may take to clear up after a crash: only a test that fails waits so long.
END_SECONDS = 60


class Instance:
    """One instance: its settings, and the process of `payments up`."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.data_folder = folder / "data"
        self.port = free_port()
        self.output = ""
        # What follows `payments up`.
        self.options: tuple[str, ...] = ()
        defaults = {"port": self.port, "dashboard_port": 0, "data_folder": self.data_folder}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PAYMENTS_")}
        overlay = {f"PAYMENTS_{name.upper()}": str(value) for name, value in (defaults | settings).items()}
        self.environment = inherited | overlay | {"PYTHONPATH": str(ROOT)}
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def start(self) -> "Instance":
        """Start it, and return when it has said that it is ready."""
        pipe, folder = subprocess.PIPE, self.folder
        self._process = subprocess.Popen(
            [*COMMAND_LINE, "up", *self.options],
            cwd=folder,
            env=self.environment,
            text=True,
            stdout=pipe,
            stderr=subprocess.STDOUT,
        )
        self.output = ""
        self.read_until(LAST_LINE)
        return self

    def read_until(self, beginning: str) -> None:
        """Return when it has printed a line that begins so."""
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output += line
            if line.startswith(beginning):
                return
        raise AssertionError(f"`payments up` ended with {self._process.wait()}:\n{self.output}")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the command line with the same settings, to its end."""
        command = [*COMMAND_LINE, *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the instance: `payments up` and everything below it."""
        return [self.process, *self.process.children(recursive=True)]

    def child(self, text: str) -> psutil.Process:
        """Return the one child of `payments up` whose command line contains the text."""
        (found,) = (child for child in self.process.children() if text in " ".join(child.cmdline()))
        return found

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; return the exit code, with the rest of what it said in `output`."""
        assert self._process is not None
        self.output += self._process.communicate()[0]
        return self._process.returncode

    def stop(self) -> int:
        """Stop it as Ctrl-C does; return the exit code."""
        self.signal(signal.SIGINT)
        return self.wait()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def remove(self) -> None:
        """End it if it runs, and remove what it has left on the disk."""
        if self.is_running():
            processes = self.processes()
            self.stop()
            psutil.wait_procs(processes, timeout=END_SECONDS)
        location = self.data_folder / "postgres" / "location"
        if location.exists():
            shutil.rmtree(location.read_text(), ignore_errors=True)
        shutil.rmtree(DataFolder(self.data_folder).ray_files, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def new_folder() -> Path:
    """Return a new folder that the embedded database's user can enter, unlike those of `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="payments-test-"))
    folder.chmod(0o711)
    return folder
