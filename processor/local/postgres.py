"""The embedded PostgreSQL: a server of our own, as a child process, on one loopback port."""

import signal
import time
from pathlib import Path

from processor.local.child import Child, last_line, plain_environment, run_briefly
from processor.local.failure import CannotStart
from processor.local.leftovers import end_all, processes_in
from processor.local.ports import LOOPBACK, free_port, is_free
from processor.local.postgres_home import PostgresHome

USER = "payments"
DATABASE = "payments"
_POLL_SECONDS = 0.02
_PORT_ATTEMPTS = 5
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # An answer means that the record is on disk, whatever happens to the machine.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # Nobody replicates from it.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "autovacuum": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """One server with its cluster in `folder`; every process of ours uses its database `payments`."""

    def __init__(self, folder: Path, log_path: Path | None = None, port: int = 0) -> None:
        """Prepare a server. `port` 0: the one used last, or a free one.

        As root it runs as `nobody`; if that user cannot enter `folder`, the cluster goes to /var/lib/payments, and
        `location` says where. Call `start` in a thread that lives as long as the server should.
        """
        self.log_path = log_path or folder / "postgres.log"
        self.home = PostgresHome(folder, self.log_path)
        self._asked_port = port
        self.port = 0
        self._child: Child | None = None

    @property
    def location(self) -> Path:
        """The folder that really holds the cluster."""
        return self.home.folder

    @property
    def pid(self) -> int:
        """The server's process id. Raises CannotStart if it has not been started."""
        return self._started().pid

    @property
    def dsn(self) -> str:
        """The connection URL, with the password: never print it."""
        return f"postgresql://{USER}:{self.home.password()}@{LOOPBACK}:{self.port}/{DATABASE}"

    def running_dsn(self) -> str:
        """Return the connection URL of the server that another process runs on this folder. Raises CannotStart."""
        self.port = self.home.port() or 0
        if not self.port:
            raise CannotStart(f"no PostgreSQL has run in {self.location} yet")
        return self.dsn

    @property
    def has_started(self) -> bool:
        """Whether `start` has been called, successfully or not."""
        return self._child is not None

    def exit_code(self) -> int | None:
        """Return the server's exit code, or None while it runs or if it has not been started."""
        return self._child.exit_code() if self._child else None

    def start(self, timeout_seconds: float = 300) -> str:
        """Start the server, at first making its cluster; return the connection URL once it accepts connections.

        The time limit is long since after a crash the server replays up to 4 GB of its log first. Raises CannotStart.
        """
        self.end_leftovers()
        if not self.home.data.exists():
            self._make_cluster()
        for attempt in range(_PORT_ATTEMPTS):
            self.port = self._choose_port(attempt)
            self._child = self._spawn()
            if self._wait_until_ready(time.monotonic() + timeout_seconds):
                self.home.remember_port(self.port)
                return self.dsn
            if self._asked_port or is_free(self.port):
                break  # The port was not the reason.
        raise CannotStart(f"PostgreSQL did not start: {last_line(self.log_path)} (log: {self.log_path})")

    def stop(self, timeout_seconds: float = 10) -> None:
        """End all sessions, write a checkpoint and stop; after the timeout stop at once, which is safe too."""
        child = self._started()
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            child.signal(number)
            if child.wait(timeout_seconds):
                break
        self.end_leftovers()

    def kill(self) -> None:
        """Kill the server and all its processes as a crash would; `start` recovers."""
        child = self._started()
        child.signal(signal.SIGKILL)
        child.wait(10)
        end_all(processes_in(self.home.data, "postgres"), signal.SIGKILL, 10)

    def _started(self) -> Child:
        if self._child is None:
            raise CannotStart("PostgreSQL has not been started")
        return self._child

    def end_leftovers(self) -> None:
        """End a server, and its sessions, that an earlier run left over on this cluster."""
        # A server whose starter was killed shuts down by itself (see `_spawn`): help it, and wait for its sessions to end too,
        # because PostgreSQL refuses to start beside them.
        end_all(processes_in(self.home.data, "postgres"), signal.SIGINT, 30)

    def _choose_port(self, attempt: int) -> int:
        if self._asked_port:
            return self._asked_port
        last = self.home.port()
        return last if last and attempt == 0 and is_free(last) else free_port()

    def _program(self, name: str) -> str:
        return str(self.home.programs / "bin" / name)

    def _make_cluster(self) -> None:
        """Make the cluster beside its place and move it there when it is whole, so that a half-made one is never used."""
        unfinished = self.home.new_data()
        self.home.password()
        initdb = [self._program("initdb"), "--pgdata", str(unfinished), "--username", USER, "--auth", "scram-sha-256"]
        initdb += ["--pwfile", str(self.home.folder / "password"), "--encoding", "UTF8", "--no-locale", "--data-checksums"]
        create = [self._program("postgres"), "--single", "-D", str(unfinished), "postgres"]
        account, log_path = self.home.account, self.log_path
        made = run_briefly(initdb, account, log_path)
        if not (made and run_briefly(create, account, log_path, f"CREATE DATABASE {DATABASE};\n")):
            raise CannotStart(f"PostgreSQL's cluster could not be made: {last_line(log_path)} (log: {log_path})")
        self.home.adopt_data(unfinished)

    def _spawn(self) -> Child:
        settings = _SETTINGS | {"port": str(self.port)}
        command = [self._program("postgres"), "-D", str(self.home.data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Child(command, self.log_path, plain_environment(), signal.SIGINT, self.home.account)

    def _wait_until_ready(self, deadline: float) -> bool:
        """Return True once connections are accepted, False if the server has ended before. Raises CannotStart."""
        child = self._started()
        while child.exit_code() is None:
            if self._status(child.pid) == "ready":
                return True
            if time.monotonic() > deadline:
                self.kill()
                raise CannotStart(f"PostgreSQL was not ready in time: see {self.log_path}")
            time.sleep(_POLL_SECONDS)
        return False

    def _status(self, pid: int) -> str:
        """Return what the server has written into its pid file: line 1 its pid, line 8 how far it is."""
        try:
            lines = (self.home.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return ""
        return lines[7].strip() if len(lines) >= 8 and lines[0] == str(pid) else ""
