"""What the state machines ask for: few accounts, few keys, and amounts at the edges, so that rules meet each other."""

from hypothesis import strategies as st

from processor.core.messages import Leg, OpenAccount
from processor.core.routing import shard_of

LARGEST = 2**63 - 1
ACCOUNTS = [f"account-{number}" for number in range(8)]
CURRENCIES = ["EUR", "USD"]

accounts = st.sampled_from(ACCOUNTS)
keys = st.sampled_from([f"key-{number}" for number in range(4)])
amounts = st.one_of(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, LARGEST, LARGEST - 1, LARGEST // 2]))
statuses = st.sampled_from(["open", "open", "open", "frozen", "closed"])
legs = st.builds(Leg, accounts, accounts, amounts, st.sampled_from(["EUR"] * 9 + ["USD"]))
several_legs = st.lists(legs, min_size=1, max_size=5)

# Mostly accounts that may be overdrawn or hold anything: else hardly any payment would go through.
min_balances = st.sampled_from([None, None, None, None, 0, 0, 5, -30])
max_balances = st.sampled_from([None, None, None, 40])
metadata = st.sampled_from([None, None, {}, {"colour": "blue"}])


def opening(account: str, currency: str, min_balance: int | None, max_balance: int | None, shards: int) -> OpenAccount:
    """Return the message that opens the account on its shard."""
    return OpenAccount(shard_of(account, shards), account, currency, min_balance, max_balance)
