"""What Serve builds for a canary: the API, and no deployment that would own shards or carry events."""

from serve.canary import build
from serve.deployment import build as build_ledger


def names(application: object) -> set[str]:
    """Return the names of all deployments that an application binds."""
    bound = application._bound_deployment  # type: ignore[attr-defined]
    return {bound.name} | {name for each in bound.init_args if hasattr(each, "_bound_deployment") for name in names(each)}


def test_a_canary_is_the_api_alone() -> None:
    assert names(build({})) == {"Api"}
    assert names(build_ledger({})) > {"Api", "ShardHosts", "Bridges"}
