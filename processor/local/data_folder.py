"""The folder of one instance: its lock, its logs, its database, and what other commands must know of it."""

import fcntl
import os
from hashlib import sha256
from io import FileIO
from pathlib import Path

from processor.local.failure import CannotStart


class DataFolder:
    """Paths inside the data folder. Only one running instance can hold it."""

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is touched."""
        self.path = path.resolve()
        self.logs = self.path / "logs"
        self.postgres = self.path / "postgres"
        self.aws = self.path / "aws"
        self.valkey = self.path / "valkey"
        self.serve_config = self.path / "serve.json"
        self.dashboard_url = self.path / "dashboard_url"
        self.local_aws = self.path / "local_aws.json"
        self.ray_session = self.path / "ray_session.json"
        # Short and outside the folder: a Unix socket's path may have 107 bytes, and Ray needs most of them.
        self.ray_files = Path("/tmp") / f"payments-{sha256(str(self.path).encode()).hexdigest()[:12]}"
        self._lock: FileIO | None = None

    def acquire(self) -> None:
        """Make the folder and take its lock, until `release` or our end. Raises CannotStart."""
        try:
            if not self.path.exists():
                self.path.mkdir(parents=True)
                # The database's user must pass through; what is secret inside is readable for its owner only.
                self.path.chmod(0o711)
            self.logs.mkdir(exist_ok=True)
            lock = (self.path / "lock").open("ab+", buffering=0)
        except OSError as error:
            raise CannotStart(f"cannot use the data folder: {error}; choose another PAYMENTS_DATA_FOLDER") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().decode(errors="replace").strip()
            lock.close()
            message = (
                f"{self.path} is in use by another instance (process {holder}): stop it, or choose another PAYMENTS_DATA_FOLDER"
            )
            raise CannotStart(message) from None
        lock.truncate(0)
        lock.write(str(os.getpid()).encode())
        self._lock = lock

    def release(self) -> None:
        """Give the folder to the next instance."""
        if self._lock:
            self._lock.close()
            self._lock = None
