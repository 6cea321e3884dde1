"""Every module and environment is written as Terraform and the provider's schema want it, and passes its own tests."""

import re

import pytest

from tests.infra.programs import TOP
from tests.infra.terraform.terraform import Terraform, folders

TREE = TOP / "terraform"
FOLDERS = [str(folder.relative_to(TREE)) for folder in folders(TREE)]
MODULES = [folder for folder in FOLDERS if folder.startswith("modules/")]
ENVIRONMENTS = [folder for folder in FOLDERS if folder not in MODULES]
TESTED = [folder for folder in MODULES if list((TREE / folder).glob("tests/*.tftest.hcl"))]


def test_files_are_formatted(terraform: Terraform) -> None:
    assert terraform.unformatted() == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_schema_knows_all_that_a_configuration_says(terraform: Terraform, folder: str) -> None:
    assert terraform.problems(folder) == []


@pytest.mark.parametrize("folder", TESTED)
def test_a_modules_own_tests_pass(terraform: Terraform, folder: str) -> None:
    assert re.search(r"^Success! [1-9]\d* passed, 0 failed", terraform.tested(folder))


@pytest.mark.parametrize("folder", FOLDERS)
def test_versions_are_pinned(folder: str) -> None:
    text = "".join(file.read_text() for file in (TREE / folder).glob("*.tf"))
    exact = folder in ENVIRONMENTS
    assert 'required_version = ">= 1.11, < 2"' in text
    assert re.search(r'source\s+= "hashicorp/aws"\n\s+version = "{}"'.format("= 6.69.1" if exact else ">= 6.69, < 7"), text)


@pytest.mark.parametrize("folder", FOLDERS)
def test_variables_and_outputs_say_what_they_are(folder: str) -> None:
    silent = [
        f"{file.name}: {name}"
        for file in (TREE / folder).glob("*.tf")
        for _, name, body in re.findall(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', file.read_text(), re.MULTILINE | re.DOTALL)
        if not re.search(r"^  description\s+= ", body, re.MULTILINE)
    ]
    assert silent == []
