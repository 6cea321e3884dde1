"""Accounts spread evenly over shards, the same way for ever."""

from collections import Counter

import pytest

from processor.core.routing import shard_of

ACCOUNTS = 20_000


@pytest.mark.parametrize("shards", [1, 2, 3, 8, 64])
@pytest.mark.parametrize("pattern", ["account-{}", "{:032x}", "customer:{}:main"])
def test_accounts_spread_evenly(shards: int, pattern: str) -> None:
    counts = Counter(shard_of(pattern.format(number), shards) for number in range(ACCOUNTS))
    assert set(counts) == set(range(shards))
    expected = ACCOUNTS / shards
    # Six standard deviations of a fair draw: the ids are fixed, so this either holds for good or not at all.
    assert max(abs(count - expected) for count in counts.values()) <= 6 * expected**0.5


def test_the_shard_of_an_account_never_changes() -> None:
    """These values are in every journal ever written: a difference means that accounts are looked for in the wrong place."""
    found = [shard_of(account, 16) for account in ("alice", "bob", "bank:EUR", "account-1", "ü")]
    assert found == [2, 15, 10, 7, 6]
