"""How hard a projector works: payments come first, and yet the projections must not stay behind."""

POLL_SECONDS = 0.05
GATHER_SECONDS = 0.2
"""How long to wait where payments come in all the time: a transaction costs as much as a hundred payments, so they share one."""

SHARE_DOUBLES_SECONDS = 60.0
"""A short rush of payments is served first and projected afterwards. But shards keep in memory what is not projected yet, so a rush
that lasts must not leave the projections behind for good: so many seconds behind, they get twice their share of the time."""

SHARE_MAX = 0.9

FAR_BEHIND_SECONDS = 5.0
LARGE_TIMES = 4
"""How many usual batches a large one holds. In it a payment costs the database a sixth less, as its rows meet more neighbours."""

_SMALL, _LARGE = 1 / 16, 1 / 2


def pause_seconds(fullness: float, worked_seconds: float, behind_seconds: float, share: float) -> float:
    """Return how long to rest after a batch.

    `fullness`: how much of what a batch may hold was there. `behind_seconds`: how old its newest record is by now. `share`: of the
    time, for work while there is more to do than a batch holds.
    """
    share = min(share * (1 + behind_seconds / SHARE_DOUBLES_SECONDS), max(share, SHARE_MAX))
    rest = worked_seconds * (1 / share - 1)
    if fullness >= _LARGE:
        return rest
    return max(rest, GATHER_SECONDS if fullness >= _SMALL else POLL_SECONDS)


def batch_times(behind_seconds: float) -> int:
    """Return how many usual batches the next one may hold: nobody waits for rows that are late anyway, so there throughput counts."""
    return LARGE_TIMES if behind_seconds > FAR_BEHIND_SECONDS else 1
