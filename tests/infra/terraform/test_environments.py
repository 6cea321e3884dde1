"""Environments agree with themselves and with each other, and every module is part of one."""

import re
from ipaddress import ip_network
from itertools import combinations
from pathlib import Path

import pytest

TERRAFORM = Path(__file__).parents[3] / "terraform"
ENVIRONMENTS = sorted(folder for folder in (TERRAFORM / "environments").iterdir() if folder.is_dir())


def given(name: str, *files: Path) -> str:
    """Return what an argument is given in one of these files, where it is given first."""
    for file in files:
        if found := re.search(rf'^\s*{name}\s*= "([^"]+)"$', file.read_text(), re.MULTILINE):
            return found[1]
    raise AssertionError(f"{name} is in none of {[file.name for file in files]}")


def disagreements(environment: Path) -> list[str]:
    """Return where an environment's state, provider and values speak of different accounts or regions."""
    account, region = given("account_id", environment / "terraform.tfvars"), given("region", environment / "providers.tf")
    found = []
    if given("bucket", environment / "backend.hcl") != f"payments-terraform-state-{account}-{region}":
        found.append("its state lies in another account or region")
    if given("region", environment / "terraform.tf") != region:
        found.append("its backend speaks to another region than its provider")
    if given("key", environment / "terraform.tf") != f"{environment.name}.tfstate":
        found.append("its state has the name of another environment")
    if "allowed_account_ids = [var.account_id]" not in (environment / "providers.tf").read_text():
        found.append("it could be applied in any account")
    return found


def used(folder: Path) -> set[Path]:
    """Return the modules that a folder uses, and those that they use."""
    text = "".join(file.read_text() for file in folder.glob("*.tf"))
    direct = {(folder / source).resolve() for source in re.findall(r'source\s*= "(\.[^"]+)"', text)}
    return direct.union(*(used(module) for module in direct))


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda folder: folder.name)
def test_state_provider_and_values_agree(environment: Path) -> None:
    assert disagreements(environment) == []


def test_another_account_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "staging"
    copy.mkdir()
    for file in (TERRAFORM / "environments" / "staging").iterdir():
        if file.is_file():
            (copy / file.name).write_text(file.read_text().replace("state-000000000004", "state-000000000005"))
    assert disagreements(copy) == ["its state lies in another account or region"]


def test_every_environment_has_its_account_and_the_standby_its_production() -> None:
    accounts = {folder.name: given("account_id", folder / "terraform.tfvars") for folder in ENVIRONMENTS}
    assert accounts.pop("production-standby") == accounts["production"]
    assert len(set(accounts.values())) == len(accounts)


def test_networks_can_be_peered() -> None:
    networks = [
        ip_network(cidr)
        for folder in ENVIRONMENTS
        for cidr in re.findall(r'cidr\s*= "([^"]+)"', (folder / "main.tf").read_text())
    ]
    assert len(networks) == 3
    assert not [(one, other) for one, other in combinations(networks, 2) if one.overlaps(other)]


def test_production_and_its_standby_name_each_other() -> None:
    first, second = (TERRAFORM / "environments" / name / "main.tf" for name in ("production", "production-standby"))
    primary, standby = first.read_text(), second.read_text()
    assert (
        'second = { region = "eu-west-1", name = "payments-standby" }' in primary and 'name   = "payments-production"' in primary
    )
    assert (
        'first = { region = "eu-central-1", name = "payments-production" }' in standby and 'name  = "payments-standby"' in standby
    )


def test_no_module_is_left_out() -> None:
    modules = {folder for folder in (TERRAFORM / "modules").iterdir() if folder.is_dir()}
    applied = set().union(*(used(folder) for folder in ENVIRONMENTS))
    assert {module.name for module in modules - applied} == set()


def test_a_layer_that_is_not_wired_is_noticed() -> None:
    staging = TERRAFORM / "environments" / "staging"
    assert TERRAFORM / "modules" / "organization" not in used(staging)
    assert {"network", "data", "events", "processing", "api", "edge", "operations", "analytics", "security"} <= {
        module.name for module in used(staging)
    }
