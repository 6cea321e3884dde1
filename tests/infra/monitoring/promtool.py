"""Prometheus' own tool, which checks rules and runs their tests. It comes with Debian's package `prometheus`."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.infra.monitoring.rule_files import RULE_TESTS, RULES, write_rule_files
from tests.infra.programs import program


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it to its end. Where it is missing the test is skipped, but fails in CI."""
    return subprocess.run([program("promtool"), *arguments], cwd=folder, capture_output=True, text=True, check=False)


def run_rule_tests(folder: Path, rules: Path = RULES, tests: Iterable[Path] | None = None) -> subprocess.CompletedProcess[str]:
    """Run rules' tests (default: all) in an empty folder, against the manifests of `rules`."""
    write_rule_files(folder, rules)
    copies = [shutil.copy(path, folder) for path in tests or sorted(RULE_TESTS.glob("*_test.yaml"))]
    return promtool("test", "rules", *map(str, copies), folder=folder)
