"""The scenarios, by name."""

from collections.abc import Mapping

from loadtests.scenarios.scenario import Scenario

BATCH_SIZES = (1, 10, 100, 1_000, 10_000)
# What two cores carry with room to spare, so that a run shows latencies and not a queue. --rate looks for the limit.
_SINGLES_A_SECOND = 2_000
_BATCHES_A_SECOND = {1: 1_000, 10: 500, 100: 150, 1_000: 25, 10_000: 3}


def _batch(payments: int) -> Scenario:
    return Scenario(
        name=f"batch_{payments}",
        description=f"Batches of {payments:,} payment{'s' if payments > 1 else ''} between random accounts.",
        kind="batch",
        batch_payments=payments,
        rate=payments * _BATCHES_A_SECOND[payments],
    )


_ALL = (
    Scenario(name="random", description="Single payments, both accounts drawn alike.", rate=_SINGLES_A_SECOND),
    Scenario(
        name="zipf",
        description="Single payments, the n-th account drawn 1/n as often as the first.",
        draw="zipf",
        rate=_SINGLES_A_SECOND,
    ),
    Scenario(name="hot", description="Single payments, all to one merchant.", draw="hot", rate=_SINGLES_A_SECOND),
    Scenario(
        name="cross_shard_half",
        description="Single payments, half of them to a shard of another host (of another shard, where there is one host).",
        draw="cross_shard_half",
        shard_hosts=2,
        rate=_SINGLES_A_SECOND / 2,
    ),
    *(_batch(payments) for payments in BATCH_SIZES),
    Scenario(
        name="hold_capture",
        description="Holds that are captured in full at once: two requests for each payment.",
        kind="hold_capture",
        rate=_SINGLES_A_SECOND / 2,
    ),
    Scenario(
        name="retry_storm",
        description="Single payments, a third of the requests repeat a key, often while its first request is under way.",
        repeated_share=1 / 3,
        rate=_SINGLES_A_SECOND,
    ),
    Scenario(
        name="kill_a_host",
        description="Single payments; the busiest of two shard hosts gets kill -9 on the way.",
        kills_host=True,
        shard_hosts=2,
        rate=_SINGLES_A_SECOND / 2,
    ),
)

SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}
