"""What operators and programs read: totals, shards, health, metrics, the description of the API and its page."""

import re
import subprocess
import sys

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.system.instance import Instance
from tests.system.ledger.api import Api
from tests.system.ledger.conftest import SHARD_HOSTS, SHARDS

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,allow_header_conformance"
)
EXAMPLES = "15"
SEED = "20260101"


def test_totals_are_zero_in_every_currency(api: Api) -> None:
    for currency in ("EUR", "JPY"):
        world, saver = f"world-{currency}", f"saver-{currency}"
        api.open(world, currency=currency, min_balance=None)
        api.open(saver, currency=currency)
        assert api.pay(f"save-{currency}", world, saver, 12_345, currency=currency).status_code == 201
    totals = api.get("/v1/ledger/totals").json()
    assert {"EUR", "JPY"} <= totals["currencies"].keys()
    for total in totals["currencies"].values():
        assert int(total["posted"]) + int(total["in_transit"]) == 0
        assert total["accounts"] >= 2
    assert [position["shard"] for position in totals["as_of"]] == list(range(SHARDS))


def test_every_shard_has_a_host_that_runs(ledger: Instance, api: Api) -> None:
    shards = api.get("/v1/shards").json()["data"]
    assert [shard["shard"] for shard in shards] == list(range(SHARDS))
    assert len({shard["host"] for shard in shards}) == SHARD_HOSTS
    assert {shard["pid"] for shard in shards} <= {process.pid for process in ledger.processes()}
    assert all(shard["epoch"] >= 1 and shard["sequence"] >= 1 for shard in shards)


def test_metrics_count_what_was_answered(api: Api) -> None:
    def figure(pattern: str) -> float:
        found = re.search(rf"^{pattern} ([0-9.e+]+)$", api.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    api.fund("alice", 10)
    api.open("bob")
    accepted = r'payments_outcomes_total\{outcome="accepted",replica="[^"]+"\}'
    refused = r'payments_outcomes_total\{outcome="insufficient_funds",replica="[^"]+"\}'
    names = (accepted, refused, r'payments_replays_total\{replica="[^"]+"\}')
    before = [figure(name) for name in names]
    for _ in range(2):
        api.pay("out", "alice", "bob", 10)
        api.pay("too much", "alice", "bob", 1)
    assert [figure(name) for name in names] == [before[0] + 1, before[1] + 1, before[2] + 2]
    assert figure(r'payments_shard_sequence\{host="[^"]+",shard="0"\}') >= 1


def test_health_and_readiness_are_told(api: Api) -> None:
    assert api.get("/healthz").json() == {"status": "ok"}
    assert api.get("/readyz").json()["status"] == "ready"  # and how bridges are doing, if another test has made any


def test_every_answer_names_its_request(api: Api) -> None:
    assert api.get("/healthz", headers={"Request-Id": "mine-1"}).headers["Request-Id"] == "mine-1"
    generated = [api.get("/healthz").headers["Request-Id"] for _ in range(2)]
    assert generated[0] != generated[1]
    missing = api.get("/nowhere")
    assert missing.json()["request_id"] == missing.headers["Request-Id"]


def test_the_description_is_valid_openapi_3_1(api: Api) -> None:
    document = api.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_the_page_loads_nothing_from_elsewhere(api: Api) -> None:
    page = api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path in api.get("/openapi.json").json()["paths"]:
        assert path in page.text
    assert re.findall(r"""(?:src|href|url\()\s*=?\s*["']?(?:https?:)?//[^"')\s]+""", page.text) == []
    assert "<script" not in page.text


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_generated_requests_get_answers_as_described(api: Api, mode: str) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{api.base_url}/openapi.json", "--checks", CHECKS]
    command += ["--max-examples", EXAMPLES, "--seed", SEED, "--mode", mode, "--phases", "examples,fuzzing", "--no-shrink"]
    command += ["--suppress-health-check", "all", "--no-color"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
