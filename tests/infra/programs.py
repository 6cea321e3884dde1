"""The programs that these tests run: from .venv-infra what is there, the others from the machine."""

import os
import shutil
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
TOOLS = TOP / ".venv-infra" / "bin"
_OF_THE_MACHINE = {
    "terraform": "install Terraform 1.11 or newer: https://developer.hashicorp.com/terraform/install",
    "promtool": "it comes with Debian's package prometheus",
    "openssl": "install it",
    "bash": "install it",
}


def program(name: str) -> str:
    """Return where a program is. Without it the test is skipped on somebody's own machine, and fails where CI is set."""
    found = shutil.which(name, path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        missing = f"{name} is not there: {_OF_THE_MACHINE.get(name, '`make .venv-infra/installed` brings it')}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    return found
