"""Build specifications say only what CodeBuild knows, call only what there is, and get all that they read from Terraform."""

import copy
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.infra.delivery.buildspecs import FOLDER, TOP, buildspecs, commands, faults, files_called, make_targets, variables_read

MODULES = TOP / "terraform" / "modules"
SPECS = buildspecs()


def terraform(module: str) -> str:
    return "\n".join(path.read_text() for path in sorted((MODULES / module).glob("*.tf")))


@pytest.mark.parametrize("name", SPECS)
def test_codebuild_knows_every_key(name: str) -> None:
    assert faults(SPECS[name]) == []


@pytest.mark.parametrize("name", SPECS)
def test_what_is_called_is_there(name: str) -> None:
    assert {path for path in files_called(SPECS[name]) if not (TOP / path).exists()} == set()
    targets = set(re.findall(r"^([a-z][\w-]*):", (TOP / "Makefile").read_text(), re.M))
    assert make_targets(SPECS[name]) <= targets


def test_the_test_is_the_laptops() -> None:
    assert make_targets(SPECS["test.yml"]) == {"lint", "test"}
    assert SPECS["test.yml"]["env"]["variables"]["CI"], "a tool that is missing must fail the build, not skip its tests"


def test_builds_run_the_python_that_the_project_is_written_for() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    versions = {
        str(spec["phases"]["install"].get("runtime-versions", {}).get("python"))
        for spec in SPECS.values()
        if "install" in spec["phases"]
    }
    assert versions - {"None"} == {project["tool"]["mypy"]["python_version"]}


def test_every_project_has_its_specification() -> None:
    assert set(re.findall(r'buildspec += "deploy/delivery/([\w$.{}]+)"', terraform("delivery"))) == {"${each.key}.yml"}
    jobs = set(
        re.findall(
            r"^    (\w+) = \{(?:$| compute)", terraform("delivery").partition("builds = {")[2].partition("\nresource")[0], re.M
        )
    )
    assert {f"{job}.yml" for job in jobs} | {"rollout.yml"} == set(SPECS)
    assert re.findall(r'buildspec += "deploy/delivery/(\w+\.yml)"', terraform("rollout")) == ["rollout.yml"]


@pytest.mark.parametrize("name", SPECS)
def test_every_variable_that_is_read_comes_from_terraform(name: str) -> None:
    text = terraform("delivery") + terraform("rollout")
    set_there = set(re.findall(r'name = "([A-Z_]+)"', text)) | set(re.findall(r"[{,] ([A-Z_]+) += ", text))
    assert variables_read(SPECS[name]) <= set_there


def test_what_the_steps_read_comes_from_terraform() -> None:
    read = set(re.findall(r'environment\["(\w+)"\]', (FOLDER / "run.py").read_text())) - {"AWS_REGION"}
    assert read == {"CODEBUILD_SRC_DIR_image", "OVERLAY", "STOP_ALARM", "CANARY_MINUTES"}
    assert 'output_artifacts = ["image"]' in terraform("delivery")
    steps = set(re.findall(r'step = "(\w+)"', terraform("delivery")))
    assert steps and all(f'"{step}"' in (FOLDER / "run.py").read_text() for step in steps)


def test_what_is_installed_is_pinned_with_its_hash() -> None:
    installs = [command for spec in SPECS.values() for command in commands(spec) if "pip install" in command]
    assert installs and all("--require-hashes" in command for command in installs)
    assert "sha256sum --check" in (FOLDER / "tools.sh").read_text()


def test_terraform_is_a_version_that_environments_ask_for() -> None:
    (version,) = re.findall(r"^  terraform\)\n    version=([\d.]+)$", (FOLDER / "tools.sh").read_text(), re.M)
    asked = re.findall(
        r'required_version = ">= ([\d.]+), < 2"', (TOP / "terraform" / "environments" / "shared" / "terraform.tf").read_text()
    )
    assert [".".join(version.split(".")[:2])] == asked


def test_the_image_gets_every_argument_that_its_dockerfile_has_no_default_for() -> None:
    dockerfile = (TOP / "deploy" / "kuberay" / "Dockerfile").read_text()
    given = re.findall(r'--build-arg "(\w+)=', (FOLDER / "image.sh").read_text())
    assert set(re.findall(r"^ARG (\w+)$", dockerfile, re.M)) == set(given)


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_shell_and_say_how_they_are_called(script: Path) -> None:
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
    done = subprocess.run(["sh", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage:" in done.stderr


def broken(change: str) -> dict[str, Any]:
    spec = copy.deepcopy(SPECS["test.yml"])
    if change == "misspelt phase":
        spec["phases"]["prebuild"] = spec["phases"].pop("pre_build")
    elif change == "misspelt key":
        spec["phases"]["build"]["comands"] = spec["phases"]["build"].pop("commands")
    elif change == "runtime in the wrong phase":
        spec["phases"]["build"]["runtime-versions"] = spec["phases"]["install"].pop("runtime-versions")
    else:
        spec["version"] = 0.1
    return spec


@pytest.mark.parametrize("change", ["misspelt phase", "misspelt key", "runtime in the wrong phase", "old version"])
def test_broken_specifications_are_caught(change: str) -> None:
    assert faults(broken(change))


def test_calls_of_what_is_not_there_are_caught() -> None:
    spec = {
        "phases": {
            "build": {
                "commands": ["sh deploy/delivery/missing.sh", "python3 -m deploy.delivery.missing $UNKNOWN", "make missing"]
            }
        }
    }
    assert files_called(spec) == {"deploy/delivery/missing.sh", "deploy/delivery/missing.py"}
    assert make_targets(spec) == {"missing"}
    assert variables_read(spec) == {"UNKNOWN"}
