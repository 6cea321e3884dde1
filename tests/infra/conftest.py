"""One copy of terraform/, with a schema-only provider that all tests of a process share."""

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.infra.programs import TOP, program
from tests.infra.terraform.terraform import BUILD, Plan, Resource, Terraform, running_provider

Estate = Callable[[str], Plan]


@pytest.fixture(scope="session")
def provider() -> Iterator[Mapping[str, str]]:
    """What tells Terraform, in each folder, to use the running provider."""
    program("terraform")
    program("checkov")
    with running_provider(TOP / "terraform") as running:
        yield running


@pytest.fixture(scope="session")
def terraform(provider: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Terraform on a copy that all tests share: do not change it."""
    return Terraform.on_copy(tmp_path_factory.mktemp("terraform"), provider)


@pytest.fixture
def own_terraform(provider: Mapping[str, str], tmp_path: Path) -> Terraform:
    """Terraform on a copy for one test alone, which may break it."""
    return Terraform.on_copy(tmp_path, provider)


@pytest.fixture(scope="session")
def estate(provider: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """Return what an environment plans, by the environment's name."""
    readable = Terraform.on_copy(tmp_path_factory.mktemp("estate"), provider)
    readable.forget_order()
    return cache(lambda environment: planned_once(readable, environment))


def planned_once(terraform: Terraform, environment: str) -> Plan:
    """Return what an environment plans. It takes seconds, so it is kept until one of the files that it is made of changes."""
    kept = BUILD / f"{environment}.plan.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    made_of = digest(TOP / "terraform", TOP / "deploy", TOP / "tests" / "infra" / "terraform")
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists() or json.loads(kept.read_text())["made_of"] != made_of:
            plan = terraform.planned(f"environments/{environment}")
            kept.write_text(json.dumps({"made_of": made_of, "resources": plan.resources, "outputs": plan.outputs}))
        found = json.loads(kept.read_text())
    return Plan([Resource(*resource) for resource in found["resources"]], found["outputs"])


def digest(*folders: Path) -> str:
    """Return a digest of all files in some folders."""
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return hashlib.sha256(b"".join(str(file).encode() + hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()
