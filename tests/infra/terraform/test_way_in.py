"""A request's way in, CloudFront to pod, is laid in Terraform and walked by the program: what both state must be the same."""

import importlib.util
import os
import re
import subprocess
from pathlib import Path

from serve.limits import BODY_BYTES_MAX, DRAIN_SECONDS_MAX, IDLE_SECONDS_MAX
from serve.rates import CLIENT_HEADER
from serve.routes.table import route_table
from tests.infra.programs import program

TERRAFORM = Path(__file__).parents[3] / "terraform"
MODULES = TERRAFORM / "modules"

# Not for the internet: what is for whoever runs the ledger, and a stream that outlives the gateway's 30 seconds.
INSIDE_ONLY = {
    "GET /healthz",
    "GET /metrics",
    "GET /startedz",
    "GET /v1/audit",
    "GET /v1/bridges",
    "GET /v1/dead-letters",
    "GET /v1/events/stream",
    "GET /v1/shards",
    "GET /v1/shards/digests",
    "POST /v1/dead-letters/redrive",
}


def read(*parts: str) -> str:
    return MODULES.joinpath(*parts).read_text()


def number(name: str, text: str) -> int:
    found = re.findall(rf"^\s*{name}\s*=\s*(\d+)$", text, re.MULTILINE)
    assert len(found) == 1, f"{name} is written {len(found)} times"
    return int(found[0])


def wrong_routes(routes: str) -> set[str]:
    """Return the routes that are on one side alone."""
    offered = re.findall(r'"((?:GET|POST|PUT|PATCH|DELETE) /[^"]*)"', routes)
    assert len(offered) == len(set(offered)), "a route stands twice"
    return set(offered) ^ ({f"{route.method} {route.path}" for route in route_table()} - INSIDE_ONLY)


def test_the_gateway_offers_every_route_of_the_api_that_is_for_clients() -> None:
    assert wrong_routes(read("api", "routes.tf")) == set()


def test_a_route_that_was_forgotten_is_noticed() -> None:
    routes = read("api", "routes.tf").replace('"POST /v1/payments/{id}/void",', "")
    assert wrong_routes(routes) == {"POST /v1/payments/{id}/void"}


def refused_lengths(firewall: str) -> re.Pattern[str]:
    """Return the expression for a Content-Length that the firewall refuses."""
    expression = re.search(r'^\s*body_too_large = "(.+)"$', firewall, re.MULTILINE)
    assert expression
    return re.compile(expression[1])


def wrong_lengths(firewall: str) -> list[int]:
    """Return lengths about which firewall and API disagree, of those near every power of ten and of two."""
    refused = refused_lengths(firewall)
    edges = {10**power for power in range(12)} | {2**power for power in range(40)} | {BODY_BYTES_MAX}
    lengths = {edge + difference for edge in edges for difference in range(-20, 21) if edge + difference >= 0}
    lengths |= set(range(BODY_BYTES_MAX - 20_000, BODY_BYTES_MAX + 20_000))
    return sorted(length for length in lengths if bool(refused.match(str(length))) != (length > BODY_BYTES_MAX))


def test_the_firewall_refuses_exactly_the_bodies_that_the_api_would() -> None:
    assert wrong_lengths(read("edge", "firewall.tf")) == []


def test_a_limit_that_differs_by_one_byte_is_noticed() -> None:
    assert wrong_lengths(read("edge", "firewall.tf").replace("8388609", "838860[89]")) == [BODY_BYTES_MAX]


def test_nobody_hangs_up_first_but_the_one_who_asks() -> None:
    balancer = read("processing", "load_balancer.tf")
    gateway_seconds = number("timeout_milliseconds", read("api", "routes.tf")) / 1_000
    distribution_seconds = number("origin_read_timeout", read("edge", "distribution.tf"))
    assert gateway_seconds < distribution_seconds
    assert gateway_seconds < number("idle_timeout", balancer) < IDLE_SECONDS_MAX
    assert number("deregistration_delay", balancer) > DRAIN_SECONDS_MAX


def hides_credentials(distribution: str) -> bool:
    """Return whether CloudFront uses another policy for requests than AWS's own, for which alone `Authorization` is documented to pass."""
    managed = re.search(
        r'"aws_cloudfront_origin_request_policy" "all" \{\s+name = "Managed-AllViewerExceptHostHeader"', distribution
    )
    used = re.findall(r"origin_request_policy_id\s+= (.+)", distribution)
    return managed is None or used != ["data.aws_cloudfront_origin_request_policy.all.id"]


def test_credentials_come_through_the_edge() -> None:
    assert not hides_credentials(read("edge", "distribution.tf"))


def test_an_edge_that_hides_credentials_is_noticed() -> None:
    distribution = read("edge", "distribution.tf")
    assert hides_credentials(distribution.replace("AllViewerExceptHostHeader", "CORS-CustomOrigin"))
    assert hides_credentials(distribution.replace("data.aws_cloudfront_origin_request_policy.all.id", "local.policy"))


def test_the_header_that_names_the_client_is_overwritten_at_the_gateway() -> None:
    assert f'"overwrite:header.{CLIENT_HEADER.decode()}"' in read("api", "routes.tf").lower()


def test_tokens_have_the_scopes_that_the_authorizer_asks_for() -> None:
    source = TERRAFORM / "functions" / "authorizer" / "handler.py"
    spec = importlib.util.spec_from_file_location("authorizer", source)
    assert spec and spec.loader
    authorizer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(authorizer)
    cognito = read("api", "cognito.tf")
    scopes = set(re.findall(r'scope_name\s*=\s*"(\w+)"', cognito))
    asked: set[str] = set()
    for key in re.findall(r'"((?:GET|POST|DELETE) /v1/[^"]*)"', read("api", "routes.tf")):
        method, path = key.split(" ", 1)
        # What is kept under the route's name must hold for everything that the route matches.
        answers = {
            frozenset(authorizer.needed_scope(method, path.replace("{id}", name))) for name in ("a", "pay_1", "batch", "x:y")
        }
        assert len(answers) == 1, key
        asked |= answers.pop()
    assert asked == scopes
    identifier = re.search(r'identifier\s*=\s*"(\w+)"', cognito)
    assert identifier and f"{identifier[1]}/" == authorizer.SCOPE_PREFIX


FAKE_AWS = """#!/usr/bin/env bash
for argument in "$@"; do
  case $argument in fileb://*) cp "${argument#fileb://}" "$TAKEN/"; dirname "${argument#fileb://}" >"$TAKEN/from" ;; esac
done
echo arn:aws:acm:us-east-1:123456789012:certificate/made
"""


def test_the_certificate_of_the_origin_is_good_for_a_client_and_its_authority_is_forgotten(tmp_path: Path) -> None:
    for needed in ("openssl", "bash"):
        program(needed)
    taken, programs = tmp_path / "taken", tmp_path / "programs"
    taken.mkdir()
    programs.mkdir()
    (programs / "aws").write_text(FAKE_AWS)
    (programs / "aws").chmod(0o755)
    authority = tmp_path / "authority.pem"
    made = subprocess.run(
        [MODULES / "edge" / "origin-certificate.sh", "payments-staging", authority],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "TAKEN": str(taken)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout.strip() == "arn:aws:acm:us-east-1:123456789012:certificate/made"
    assert "PRIVATE" not in authority.read_text()
    assert not Path((taken / "from").read_text().strip()).exists(), "the keys were left behind"

    def verify(purpose: str) -> int:
        return subprocess.run(
            ["openssl", "verify", "-purpose", purpose, "-CAfile", authority, taken / "client.pem"],
            check=False,
            capture_output=True,
        ).returncode

    assert verify("sslclient") == 0
    assert verify("sslserver") != 0, "it must be good for nothing else"
