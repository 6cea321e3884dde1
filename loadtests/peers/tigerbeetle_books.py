"""Accounts in TigerBeetle, and what must hold of them after a load."""

from collections.abc import Iterator, Sequence

import tigerbeetle

from loadtests.bench.failure import BenchFailed
from loadtests.peers.books import CURRENCY
from loadtests.peers.services.tigerbeetle_names import CLUSTER, CODE, LEDGERS, id_of

BATCH_MAX = 8_189
"""The most that one message of its client holds."""


class TigerBeetleBooks:
    """What is in the replica at this address. It cannot be emptied: every load brings keys of its own."""

    def __init__(self, address: str, accounts: Sequence[str]) -> None:
        self._address = address
        self._accounts = [id_of(account) for account in accounts]

    def open_accounts(self) -> None:
        """Open the accounts, without lower bounds. Raises BenchFailed."""
        ledger = LEDGERS[CURRENCY]
        with self._client() as client:
            for ids in _batches(self._accounts):
                results = client.create_accounts([tigerbeetle.Account(id=id_, ledger=ledger, code=CODE) for id_ in ids])
                wrong = {result.status.name for result in results} - {tigerbeetle.CreateAccountStatus.CREATED.name}
                if wrong:
                    raise BenchFailed(f"TigerBeetle did not open the accounts: {', '.join(sorted(wrong))}")

    def check(self, acknowledged: Sequence[str]) -> None:
        """Raise BenchFailed unless debits equal credits and each acknowledged key has its transfer."""
        with self._client() as client:
            keys = [id_of(key) for key in acknowledged]
            transfers = sum(len(client.lookup_transfers(ids)) for ids in _batches(keys))
            accounts = [account for ids in _batches(self._accounts) for account in client.lookup_accounts(ids)]
        debits, credits_ = sum(account.debits_posted for account in accounts), sum(account.credits_posted for account in accounts)
        if transfers != len(keys) or debits != credits_:
            raise BenchFailed(
                f"TigerBeetle's books are wrong: {transfers:,} transfers for {len(keys):,} acknowledged keys, "
                f"debits {debits:,}, credits {credits_:,}"
            )

    def _client(self) -> tigerbeetle.ClientSync:
        return tigerbeetle.ClientSync(cluster_id=CLUSTER, replica_addresses=self._address)


def _batches(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), BATCH_MAX):
        yield list(ids[start : start + BATCH_MAX])
