"""One copy of terraform/, with a schema-only provider that all tests of a process share."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.infra.programs import TOP, program
from tests.infra.terraform.terraform import Resource, Terraform, running_provider

Estate = Callable[[str], list[Resource]]


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
    """Return everything that an environment plans, by the environment's name; each is planned once."""
    readable = Terraform.on_copy(tmp_path_factory.mktemp("estate"), provider)
    readable.forget_order()
    return cache(lambda environment: readable.planned(f"environments/{environment}"))
