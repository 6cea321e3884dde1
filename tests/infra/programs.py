"""The programs that these tests run: Terraform and kubectl from the machine, the others from .venv-infra."""

import os
import shutil
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
TOOLS = TOP / ".venv-infra" / "bin"


def program(name: str) -> str:
    """Return where a program is. Without it the test is skipped on somebody's own machine, and fails where CI is set."""
    found = shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        missing = (
            f"{name} is not there: install Terraform 1.11 or newer yourself, the others come with `make .venv-infra/installed`"
        )
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return found
