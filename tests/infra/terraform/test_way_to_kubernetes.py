"""The collector finds pods by Kubernetes' API, whose address only Terraform decides: its network policy must let it get there."""

import ipaddress
import re
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[3]
CLUSTER = TOP / "terraform" / "modules" / "processing" / "eks.tf"
POLICY = TOP / "deploy" / "monitoring" / "adot" / "network-policy.yaml"


def api_address(cluster: str) -> str:
    """Return the address of the Service `kubernetes`: EKS gives it the first of the range."""
    (cidr,) = re.findall(r'service_ipv4_cidr\s*=\s*"([^"]+)"', cluster)
    return str(ipaddress.ip_network(cidr)[1])


def is_reachable(address: str, policy: dict[str, Any]) -> bool:
    return any(
        ipaddress.ip_address(address) in ipaddress.ip_network(peer["ipBlock"]["cidr"])
        for rule in policy["spec"]["egress"]
        if {"protocol": "TCP", "port": 443} in rule["ports"]
        for peer in rule["to"]
        if "ipBlock" in peer
    )


def test_the_collector_reaches_the_api_of_kubernetes() -> None:
    assert is_reachable(api_address(CLUSTER.read_text()), yaml.safe_load(POLICY.read_text()))


def test_an_address_that_has_moved_is_noticed() -> None:
    moved = CLUSTER.read_text().replace("172.20.0.0/16", "192.168.0.0/16")
    assert not is_reachable(api_address(moved), yaml.safe_load(POLICY.read_text()))
