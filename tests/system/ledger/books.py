"""The books that a test keeps of its own: what the API answered, and whether the ledger agrees with it."""

from collections import Counter
from random import Random
from uuid import uuid4

import msgspec
import uvloop

from processor.client.accounts import Account, open_accounts, read_accounts
from processor.client.load import run_batches
from processor.client.outcome import Outcome
from tests.system.instance import Instance
from tests.system.ledger.api import get
from tests.system.ledger.payments import CURRENCY, FUNDS, Leg, Payment, Supply, batch_of
from tests.system.ledger.waiting import wait_until

ACCOUNTS = 40
_BATCH_PAYMENTS = 500
_EXPECTED_REFUSAL = "insufficient_funds"


class Fate(msgspec.Struct, frozen=True, gc=False):
    """What became of a payment: the status, the refusal's code (empty: accepted), the payment's id."""

    status: int
    code: str
    payment_id: str | None


def fate_of(outcome: Outcome) -> Fate:
    """Return the part of an outcome that must never change."""
    return Fate(outcome.status, outcome.problem.code if outcome.problem else "", outcome.payment_id)


class Books:
    """New accounts with money on an instance, and the first answer to every payment that was sent there."""

    def __init__(self, instance: Instance) -> None:
        """Open a world without a lower bound and accounts with funds."""
        run = uuid4().hex[:8]
        self.instance = instance
        self.world = f"{run}.world"
        self.accounts = [f"{run}.{number}" for number in range(ACCOUNTS)]
        self.supply = Supply(run, self.accounts, Random(run))
        self.fates: dict[str, tuple[Payment, Fate]] = {}
        uvloop.run(open_accounts(instance.url, [self.world], CURRENCY, None))
        self.shards = {
            account.id: account.as_of.shard for account in uvloop.run(open_accounts(instance.url, self.accounts, CURRENCY, 0))
        }
        self.send([Payment(f"{run}-fund-{account}", (Leg(self.world, account, FUNDS),)) for account in self.accounts])

    def send(self, payments: list[Payment]) -> list[Outcome]:
        """Send payments in batches, each until its outcome is final; write the outcomes down and return them."""
        groups = [payments[start : start + _BATCH_PAYMENTS] for start in range(0, len(payments), _BATCH_PAYMENTS)]
        outcomes: dict[int, list[Outcome]] = {}
        batches = [batch_of(group) for group in groups]
        uvloop.run(run_batches(self.instance.url, batches, 4, outcomes.__setitem__))
        found = [outcome for index in range(len(groups)) for outcome in outcomes[index]]
        for payment, outcome in zip(payments, found, strict=True):
            self.settle(payment, outcome)
        return found

    def settle(self, payment: Payment, outcome: Outcome) -> None:
        """Write an answer down. A later answer to the same key must be the first one again."""
        fate = fate_of(outcome)
        _, first = self.fates.setdefault(payment.key, (payment, fate))
        assert fate == first, f"{payment.key} was first answered with {first}, then with {fate}"
        assert fate.status == 201 or (fate.status, fate.code) == (422, _EXPECTED_REFUSAL), (payment, fate)

    @property
    def accepted(self) -> list[Payment]:
        """The payments that were accepted."""
        return [payment for payment, fate in self.fates.values() if fate.status == 201]

    def balances(self) -> Counter[str]:
        """Return what the accepted payments add up to, per account."""
        balances: Counter[str] = Counter()
        for payment in self.accepted:
            for leg in payment.legs:
                balances[leg.from_account] -= leg.amount
                balances[leg.to] += leg.amount
        return balances

    def check(self) -> None:
        """Assert that the ledger agrees: once nothing travels, keys, ids, balances, totals, and the proof from the journal."""
        wait_until(self.is_at_rest, "no money in transit")
        self.check_keys()
        ids = [fate.payment_id for _, fate in self.fates.values()]
        assert None not in ids
        assert len(set(ids)) == len(ids), "two payments have the same id"
        self.check_balances()
        proof = self.instance.run("verify")
        assert proof.returncode == 0, proof.stdout + proof.stderr

    def check_keys(self) -> None:
        """Assert that every payment that was answered is answered the same again, and nothing is done twice."""
        outcomes = self.send([payment for payment, _ in self.fates.values()])
        assert [outcome for outcome in outcomes if not outcome.replayed] == []

    def check_balances(self) -> None:
        """Assert that balances are the sums of what was accepted."""
        expected = self.balances()
        found: list[Account] = uvloop.run(read_accounts(self.instance.url, [self.world, *self.accounts]))
        assert {account.id: account.posted for account in found} == {account.id: expected[account.id] for account in found}
        assert {account.id for account in found if account.pending_in or account.pending_out} == set()

    def is_at_rest(self) -> bool:
        """Return whether no money travels between shards; at any time it must be what the posted balances lack."""
        answer = get(f"{self.instance.url}/v1/ledger/totals")
        if answer.status_code == 503:
            return False
        assert answer.status_code == 200, answer.text
        totals = answer.json()["currencies"].values()
        assert [total for total in totals if int(total["posted"]) + int(total["in_transit"])] == []
        return all(int(total["in_transit"]) == 0 for total in totals)
