"""Requests go to the new region, and stay there whatever the old one says of its health.

A health check that is disabled counts as healthy, and one that is inverted besides as unhealthy: so the preferred region's record is
withdrawn until somebody puts it back. Route 53's own change of mind, with a health check that fails, would take requests back to a
region that has just come up again.
"""

from deploy.failover.step import Step, Work

# Route 53 is managed from there.
_REGION = "us-east-1"


def _wanted(work: Work) -> bool:
    """Whether the preferred region is to be withdrawn."""
    return work.landscape.new.region != work.landscape.preferred_region


def look(work: Work) -> list[str]:
    """Return whether the records are still to be changed."""
    check = work.clients("route53", _REGION).get_health_check(HealthCheckId=work.landscape.health_check_id)["HealthCheck"]
    config = check["HealthCheckConfig"]
    is_withdrawn = bool(config.get("Disabled")) and bool(config.get("Inverted"))
    if is_withdrawn == _wanted(work):
        return []
    return [f"send requests to {work.landscape.new.region}"]


def act(work: Work) -> None:
    """Withdraw the preferred region's record, or let its health decide again."""
    withdraw = _wanted(work)
    work.clients("route53", _REGION).update_health_check(
        HealthCheckId=work.landscape.health_check_id, Disabled=withdraw, Inverted=withdraw
    )


TRAFFIC = Step("traffic", look, act)
