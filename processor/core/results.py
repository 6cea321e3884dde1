"""What the core answers: one enum, in the order in which the rules are checked.

When several rules are broken at once the first in this order is reported, after one coarser rule: the `from`
side of a leg is judged before its `to` side (they may live on different shards), and legs in their order. Between hosts the home
judges its own legs first, and of the others' refusals the first to arrive is reported.

What is done to a payment (capture, void, refund) is judged in this order: the key, whether there is such a payment, whether the
amounts fit its legs, whether it is held, whether the amounts fit what is held or captured, and last the accounts' own rules.
The numbers stand in journals and never change.
"""

from enum import IntEnum


class Result(IntEnum):
    """The outcome of one message. The name in lower case is the `code` of the HTTP contract."""

    ACCEPTED = 0

    # Refusals of a payment, in precedence order. All but the first are remembered under the idempotency key.
    IDEMPOTENCY_KEY_REUSED = 1
    ACCOUNT_NOT_FOUND = 2
    ACCOUNT_CLOSED = 3
    ACCOUNT_FROZEN = 4
    CURRENCY_MISMATCH = 5
    SAME_ACCOUNT = 6
    INSUFFICIENT_FUNDS = 7
    LIMIT_EXCEEDED = 8
    AMOUNT_EXCEEDS_HELD = 9
    AMOUNT_EXCEEDS_CAPTURED = 10
    BALANCE_CONDITION_FAILED = 11

    # Conflicts with an account's state.
    ACCOUNT_EXISTS = 20
    ACCOUNT_NOT_EMPTY = 21

    # Conflicts with a payment's state. The first is remembered; the others say that nothing was asked of the ledger, and are not.
    PAYMENT_NOT_HELD = 22
    PAYMENT_NOT_FOUND = 23
    LEGS_DIFFER = 24
    VERSION_DIFFERS = 25

    # A shard that the payment needs did not answer in time. Never remembered: the same key may be sent again.
    SHARD_UNAVAILABLE = 30

    @property
    def code(self) -> str:
        """The `code` member of a problem body, for example `insufficient_funds`."""
        return self.name.lower()
