"""The live shard hosts as a witness: how their memory has accounts."""

from collections.abc import Mapping, Sequence

from actors.router import Router
from processor.audit.auditor import Balances
from processor.core.messages import AccountAnswer, ReadAccount


class LiveWitness:
    """Implements processor.audit.auditor.Witness over the shard hosts. A shard that is moving says nothing."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def testify(self, shard: int, accounts: Sequence[str]) -> Mapping[str, tuple[int, Balances]]:
        answers = await self._router.ask_all([ReadAccount(shard, account, between_records=True) for account in accounts])
        return {
            answer.account.id: (answer.sequence, (answer.account.posted, answer.account.pending_out, answer.account.pending_in))
            for answer in answers
            if isinstance(answer, AccountAnswer) and answer.account is not None
        }
