"""A plan of a load test, for tests."""

import msgspec

from loadtests.scenarios.plan import Plan


def plan_of(scenario: str = "random", **changes: object) -> Plan:
    """Return a small plan; nobody listens where it points."""
    plan = Plan(
        scenario=scenario, run="lt-test", seed=7, url="http://127.0.0.1:1", rate=100.0, seconds=10.0, shape="constant",
        arrivals="poisson", is_closed=False, users=4, connections=8, processes=1, timeout_seconds=2.0, accounts=200,
        shard_groups=(0, 0, 1, 1), folder="/nonexistent",
    )  # fmt: skip
    return msgspec.structs.replace(plan, **changes)
