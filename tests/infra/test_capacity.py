"""What the environments have carries the load that they are for, by the model, and the bill is of what they really have."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from processor.capacity.environments import ENVIRONMENTS, Environment
from processor.capacity.limits import limits
from processor.capacity.prices import AURORA, CACHE_CHOSEN, VALKEY
from processor.capacity.sizing import MEMORY_USED, Sizes

ROOT = Path(__file__).parents[2]
MIB = {"Gi": 2**30, "Mi": 2**20}
NAMES = sorted(ENVIRONMENTS)


def terraform(name: str) -> str:
    return (ROOT / f"terraform/environments/{name}/main.tf").read_text()


def blocks(text: str) -> dict[str, dict[str, str]]:
    """Return every one-line object of Terraform by its name: `cache = { node_type = "x", nodes = 2 }`."""
    found = re.findall(r"^\s*(\w+)\s*=\s*\{\s*(\w+\s*=[^{}]*)\}$", text, re.MULTILINE)
    return {name: dict(re.findall(r'(\w+)\s*=\s*"?([\w.]+)"?', body)) for name, body in found}


def kuberay_settings(name: str) -> dict[str, str]:
    both = [ROOT / "deploy/kuberay/base/settings.env", ROOT / f"deploy/kuberay/overlays/{name}/settings.env"]
    lines = [line for path in both for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def replicas(name: str) -> dict[str, int]:
    config: dict[str, Any] = yaml.safe_load((ROOT / f"deploy/kuberay/overlays/{name}/serve.yaml").read_text())
    return {deployment["name"]: deployment["num_replicas"] for deployment in config["applications"][0]["deployments"]}


def host_memory(name: str) -> float:
    patches: list[dict[str, Any]] = yaml.safe_load((ROOT / f"deploy/kuberay/overlays/{name}/sizes.yaml").read_text())
    [limit] = [patch["value"] for patch in patches if re.search(r"/0/template/.*/limits/memory$", patch["path"])]
    return float(limit[:-2]) * MIB[limit[-2:]]


def missing(environment: Environment, needed: Sizes, has: dict[str, float]) -> list[str]:
    """Return what is less than what is needed."""
    asked = {
        "shard hosts": needed.shard_hosts,
        "API replicas": needed.api_replicas,
        "Aurora's cores": needed.database_cores / environment.demand.used,
        "Aurora's memory": needed.database_memory_bytes,
        "Kinesis shards": needed.kinesis_shards,
        "Redis' memory": needed.redis_bytes / MEMORY_USED,
        "a host's memory": needed.host_memory_bytes * needed.hosts_left / max(needed.hosts_left, has["hosts left"]),
    }
    return [what for what, number in asked.items() if has[what] < number * (1 - 1e-9)]


def provided(name: str) -> dict[str, float]:
    environment, found = ENVIRONMENTS[name], blocks(terraform(name))
    aurora = next(machine for machine in AURORA if machine.name == found["aurora"]["instance_class"])
    cache = next(machine for machine in [*VALKEY, *CACHE_CHOSEN] if machine.name == found["cache"]["node_type"])
    hosts = replicas(name)["ShardHosts"]
    return {
        "shard hosts": hosts,
        "hosts left": hosts - hosts // environment.demand.zones,
        # A zone may take some with it: staging is content with what is left.
        "API replicas": replicas(name)["Api"] if name == "production" else environment.needed().api_replicas,
        "Aurora's cores": aurora.cores,
        "Aurora's memory": aurora.memory_bytes,
        "Kinesis shards": float(found["stream"]["shards"]),
        "Redis' memory": cache.memory_bytes,
        "a host's memory": host_memory(name),
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_environment_has_what_its_load_needs(name: str) -> None:
    environment = ENVIRONMENTS[name]
    assert missing(environment, environment.needed(), provided(name)) == []


@pytest.mark.parametrize(
    "part", ["shard hosts", "API replicas", "Aurora's cores", "Aurora's memory", "Kinesis shards", "a host's memory"]
)
def test_what_is_too_small_is_noticed(part: str) -> None:
    environment = ENVIRONMENTS["production"]
    assert missing(environment, environment.needed(), provided("production") | {part: 0.1}) == [part]


@pytest.mark.parametrize("name", NAMES)
def test_the_bill_is_of_what_terraform_makes(name: str) -> None:
    environment, found = ENVIRONMENTS[name], blocks(terraform(name))
    assert environment.head == (found["head"]["instance_type"], int(found["head"]["nodes"]))
    assert environment.ingress == (found["ingress"]["instance_type"], int(found["ingress"]["nodes"]))
    assert environment.shard_hosts == (found["shard_hosts"]["instance_type"], int(found["shard_hosts"]["nodes_per_zone"]))
    assert environment.aurora == (found["aurora"]["instance_class"], int(found["aurora"]["instances"]))
    assert environment.cache == (found["cache"]["node_type"], int(found["cache"]["nodes"]))
    assert environment.ray_store == found["ray_store"]["node_type"]
    assert environment.kinesis_shards == int(found["stream"]["shards"])
    assert environment.gateways == (3 if re.search(r"nat_per_zone\s*=\s*true", terraform(name)) else 1)


@pytest.mark.parametrize("name", NAMES)
def test_the_bill_is_within_the_budget_at_which_somebody_is_warned(name: str) -> None:
    [budget] = re.findall(r"monthly_budget_usd\s*=\s*(\d+)", terraform(name))
    assert sum(line.monthly for line in ENVIRONMENTS[name].lines()) < float(budget)


@pytest.mark.parametrize(("name", "beyond"), [("staging", []), ("production", ["the bridge sns"])])
def test_what_one_ledger_cannot_do_at_this_load_is_known(name: str, beyond: list[str]) -> None:
    """Also said in deploy/capacity.md: whoever mends it, or makes it worse, finds it here."""
    environment = ENVIRONMENTS[name]
    assert [limit.name for limit in limits(environment.demand, environment.needed()) if limit.used > 1] == beyond


@pytest.mark.parametrize("name", NAMES)
def test_the_load_is_carried_as_the_settings_say(name: str) -> None:
    environment, settings = ENVIRONMENTS[name], kuberay_settings(name)
    assert environment.demand.journal == settings["PAYMENTS_JOURNAL"]
    assert {*environment.demand.bridges, "instructions"} == set(settings["PAYMENTS_BRIDGES"].split(","))
    assert int(settings["PAYMENTS_SHARDS"]) <= environment.needed().shards
