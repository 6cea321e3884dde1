"""What one build has planned another applies: the plan, and the functions' archives that it names."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "deploy" / "delivery" / "terraform.sh"

# It makes archives while it plans, as the real one does, and can apply only if they are there.
TERRAFORM = """#!/bin/sh
case $1 in
  init) mkdir -p .terraform ;;
  plan) mkdir -p .terraform/functions && echo packed > .terraform/functions/authorizer.zip
        for word in "$@"; do case $word in -out=*) echo planned > "${word#-out=}" ;; esac; done ;;
  show) echo "what would change" ;;
  apply) cat .terraform/functions/authorizer.zip ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    programs, environment, functions = (
        tmp_path / "bin",
        tmp_path / "terraform/environments/staging",
        tmp_path / "terraform/functions",
    )
    for folder in (programs, environment, functions):
        folder.mkdir(parents=True)
    (programs / "terraform").write_text(TERRAFORM)
    (programs / "terraform").chmod(0o755)
    (functions / "build.sh").write_text("echo built > built\n")
    return tmp_path


def run(checkout: Path, job: str, plan: Path | str, script: Path = SCRIPT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{checkout / 'bin'}:{os.environ['PATH']}"}
    command = ["sh", script, job, "staging", "arn:aws:iam::000000000004:role/payments-plan", plan]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_the_archives_go_with_the_plan(checkout: Path) -> None:
    assert run(checkout, "plan", "plan.bin").returncode == 0
    shutil.rmtree(checkout / "terraform/environments/staging/.terraform")
    applied = run(checkout, "apply", checkout / "plan.bin")
    assert applied.returncode == 0, applied.stderr
    assert "packed" in applied.stdout


def test_an_apply_without_them_fails(checkout: Path) -> None:
    assert run(checkout, "plan", "plan.bin").returncode == 0
    (checkout / "plan.functions.tar").unlink()
    shutil.rmtree(checkout / "terraform/environments/staging/.terraform")
    assert run(checkout, "apply", checkout / "plan.bin").returncode != 0


def test_the_build_keeps_what_the_other_needs() -> None:
    kept = SCRIPT.with_name("plan.yml").read_text()
    assert "[plan.bin, plan.txt, plan.functions.tar]" in kept
