"""Prometheus' own tool, which checks rules and runs their tests. It comes with Debian's package `prometheus`."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.infra.monitoring.rule_files import RULE_TESTS, RULES, write_rule_files


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it to its end. Where it is missing the test is skipped, but fails in CI."""
    program = shutil.which("promtool")
    if program is None:
        reason = "promtool is missing: apt-get install prometheus"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def run_rule_tests(folder: Path, rules: Path = RULES, tests: Iterable[Path] | None = None) -> subprocess.CompletedProcess[str]:
    """Run rules' tests (default: all) in an empty folder, against the manifests of `rules`."""
    write_rule_files(folder, rules)
    copies = [shutil.copy(path, folder) for path in tests or sorted(RULE_TESTS.glob("*_test.yaml"))]
    return promtool("test", "rules", *map(str, copies), folder=folder)
