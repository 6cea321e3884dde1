"""Where the embedded PostgreSQL lives, and as whom it runs. PostgreSQL refuses to run as root."""

import os
import pwd
import secrets
import shutil
from pathlib import Path
from tempfile import mkdtemp

from processor.local.child import Account, run_briefly
from processor.local.failure import CannotStart
from processor.local.postgres_programs import reachable_programs

_NOBODY = "nobody"
_OUTSIDE = Path("/var/lib/payments")
_PASSABLE = 0o711


class PostgresHome:
    """The folder of one cluster: `data`, `password`, `port`, and `programs-...` if the installed ones are out of reach."""

    def __init__(self, folder: Path, log_path: Path) -> None:
        """Make the folder ready. Raises CannotStart if no place can be found that the server's user can enter."""
        self.log_path = log_path
        self.asked_folder = folder.absolute()
        try:
            self.account = _unprivileged_account(self.asked_folder)
            self.folder = self._place()
            self.programs = reachable_programs(self.folder, self.account, self.log_path)
        except OSError as error:
            raise CannotStart(f"cannot prepare PostgreSQL's folder: {error}; choose another PAYMENTS_DATA_FOLDER") from error

    @property
    def moved(self) -> bool:
        """Whether the cluster is outside the folder that was asked for, which the server's user cannot enter."""
        return self.folder != self.asked_folder

    @property
    def data(self) -> Path:
        """The cluster itself."""
        return self.folder / "data"

    def password(self) -> str:
        """Return the database password, made at the first call. Only the server's user and root can read it."""
        path = self.folder / "password"
        if not path.exists():
            self._write_private(path, secrets.token_urlsafe(24))
        return path.read_text()

    def port(self) -> int | None:
        """Return the port that was used last."""
        path = self.folder / "port"
        return int(path.read_text()) if path.exists() else None

    def remember_port(self, port: int) -> None:
        """Keep the port for the next start."""
        self._write_private(self.folder / "port", str(port))

    def new_data(self) -> Path:
        """Return an empty folder of the server's user in which a cluster can be made."""
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.account:
            os.chown(unfinished, *self.account)
        return unfinished

    def adopt_data(self, whole: Path) -> None:
        """Make this finished cluster the one that is used, durably."""
        whole.rename(self.data)
        _sync(self.folder)

    def _place(self) -> Path:
        """Return the folder that was asked for, or one outside if the server's user cannot enter that one."""
        pointer = self.asked_folder / "location"
        if pointer.exists():
            return _existing_place(pointer)
        _make(self.asked_folder)
        if self._can_enter(self.asked_folder):
            return self.asked_folder
        _make(_OUTSIDE)
        # A new one each time: if the data folder was removed, the next ledger begins empty, and the old one is still there.
        outside = Path(mkdtemp(prefix=f"{self.asked_folder.parent.name.lstrip('.')}-", dir=_OUTSIDE))
        outside.chmod(_PASSABLE)
        if not self._can_enter(outside):
            raise CannotStart(
                f"user {_NOBODY} can enter neither {self.asked_folder} nor {_OUTSIDE}: choose another PAYMENTS_DATA_FOLDER"
            )
        self._write_private(pointer, str(outside))
        return outside

    def _can_enter(self, folder: Path) -> bool:
        return self.account is None or run_briefly(["/bin/sh", "-c", 'cd "$0"', str(folder)], self.account, self.log_path)

    def _write_private(self, path: Path, text: str) -> None:
        """Write a file for its owner only, whole or not at all, also if the machine stops now."""
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            if self.account:
                os.fchown(file.fileno(), *self.account)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        _sync(path.parent)


def _make(folder: Path) -> None:
    """Make a folder that others can pass through, but not list. One that exists is left as it is."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(_PASSABLE)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _existing_place(pointer: Path) -> Path:
    place = Path(pointer.read_text())
    if not place.is_dir():
        raise CannotStart(
            f"the ledger's database is not in {place} any more: put it back, or remove {pointer} to begin a new ledger"
        )
    return place


def _unprivileged_account(folder: Path) -> Account | None:
    """Return whom the server must run as if we are root: the owner of the cluster that is there, or nobody."""
    if os.geteuid() != 0:
        return None
    data = folder / "data"
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    nobody = pwd.getpwnam(_NOBODY)
    return Account(nobody.pw_uid, nobody.pw_gid)
