"""The emulator of AWS services: real wire protocols, one process, one port on loopback."""

import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from processor.local.aws_programs import emulator_command
from processor.local.child import plain_environment
from processor.local.ports import LOOPBACK
from processor.local.server import LoopbackServer

ACCOUNT = "000000000000"
_HEALTH_SECONDS = 2
_NICENESS = "19"
_GIVING_WAY = ("nice", "-n", _NICENESS)
# Not through a proxy that the shell names.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class AwsEmulator(LoopbackServer):
    """One emulator. It keeps its state in memory and writes it down when it is stopped: after a kill, all but S3's objects is what
    it was at the last stop."""

    title = "the AWS emulator"

    def __init__(self, folder: Path, log_path: Path | None = None, port: int = 0, gives_way: bool = False) -> None:
        """As LoopbackServer. `gives_way`: when the machine is busy, others come first, so that its answers may take seconds."""
        super().__init__(folder, log_path, port)
        self._gives_way = gives_way

    @property
    def endpoint_url(self) -> str:
        """Where all services answer."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self, timeout_seconds: float = 60) -> None:
        """Start it. Raises CannotStart."""
        super().start(timeout_seconds)
        if not self._gives_way:
            return
        # It has a session of its own, and where the kernel shares time out by session, a process's niceness counts within it alone.
        autogroup = Path(f"/proc/{self.pid}/autogroup")
        with suppress(OSError):  # Elsewhere there is no such thing.
            autogroup.write_text(_NICENESS)

    def prepare(self) -> None:
        """Make the folders of its state."""
        for name in ("state", "s3", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)

    def command(self) -> Sequence[str]:
        """Return the command that runs it in the foreground."""
        return [*_GIVING_WAY, *emulator_command()] if self._gives_way else emulator_command()

    def environment(self) -> Mapping[str, str]:
        """Return its environment: everything in our folder, nothing beyond loopback."""
        return plain_environment() | {
            "BIND_HOST": LOOPBACK,
            "GATEWAY_PORT": str(self.port),
            # A listener of its own, on all interfaces.
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.folder / "s3"),
            "TMPDIR": str(self.folder / "tmp"),
            "HOME": str(self.folder),
        }

    def is_ready(self) -> bool:
        """Return whether it answers requests."""
        try:
            with _OPENER.open(f"{self.endpoint_url}/_ministack/health", timeout=_HEALTH_SECONDS) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
