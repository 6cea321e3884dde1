"""The embedded Valkey, in place of ElastiCache: a server of our own, as a child process, on one loopback port."""

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from processor.local.aws_programs import valkey_command
from processor.local.child import plain_environment
from processor.local.ports import LOOPBACK
from processor.local.server import LoopbackServer

_MEMORY = "256mb"
_READY_SECONDS = 1


class EmbeddedValkey(LoopbackServer):
    """One server. Every user of the machine reaches the loopback interface, so it asks for a password."""

    title = "Valkey"

    @property
    def url(self) -> str:
        """The connection URL, with the password: never print it."""
        return f"redis://:{self._password()}@{LOOPBACK}:{self.port}/0"

    @property
    def password_path(self) -> Path:
        """The file with the password, which its owner alone can read."""
        return self.folder / "password"

    def command(self) -> Sequence[str]:
        """Return the command that runs it in the foreground. The password is in the file, since everybody sees a command line."""
        path = self.folder / "valkey.conf"
        lines = {
            "bind": LOOPBACK,
            "port": self.port,
            "requirepass": self._password(),
            "dir": f'"{self.folder}"',
            "appendonly": "yes",
            "save": '""',
            "maxmemory": _MEMORY,
            # As ElastiCache does unless it is told otherwise.
            "maxmemory-policy": "volatile-lru",
        }
        _write_private(path, "".join(f"{name} {value}\n" for name, value in lines.items()))
        return [*valkey_command(), str(path)]

    def environment(self) -> Mapping[str, str]:
        """Return its environment."""
        return plain_environment()

    def is_ready(self) -> bool:
        """Return whether it answers commands: not while it still reads its data."""
        client = redis.Redis.from_url(self.url, socket_timeout=_READY_SECONDS, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _password(self) -> str:
        if not self.password_path.exists():
            _write_private(self.password_path, secrets.token_urlsafe(24))
        return self.password_path.read_text()


def _write_private(path: Path, text: str) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    unfinished.replace(path)
