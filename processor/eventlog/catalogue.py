"""The types of published events, written once. What a type means never changes; new ones may come."""

from typing import Final

ACCOUNT_OPENED: Final = "account.opened"
ACCOUNT_FROZEN: Final = "account.frozen"
ACCOUNT_UNFROZEN: Final = "account.unfrozen"
ACCOUNT_CLOSED: Final = "account.closed"
PAYMENT_SUCCEEDED: Final = "payment.succeeded"
PAYMENT_PENDING: Final = "payment.pending"
PAYMENT_CANCELLED: Final = "payment.cancelled"
PAYMENT_REFUSED: Final = "payment.refused"
PAYMENT_HELD: Final = "payment.held"
PAYMENT_CAPTURED: Final = "payment.captured"
PAYMENT_VOIDED: Final = "payment.voided"
PAYMENT_EXPIRED: Final = "payment.expired"
PAYMENT_REFUND_PENDING: Final = "payment.refund_pending"
PAYMENT_REFUND_REFUSED: Final = "payment.refund_refused"
PAYMENT_REFUNDED: Final = "payment.refunded"
PAYMENT_REVERSED: Final = "payment.reversed"
BALANCES_CHANGED: Final = "balances.changed"

TYPES: Final[dict[str, str]] = {
    ACCOUNT_OPENED: "An account was opened.",
    ACCOUNT_FROZEN: "An account was frozen: payments from and to it are refused.",
    ACCOUNT_UNFROZEN: "A frozen account is open again.",
    ACCOUNT_CLOSED: "An account was closed for good.",
    PAYMENT_SUCCEEDED: "A payment was made: the money has moved.",
    PAYMENT_PENDING: "A payment or a hold travels between hosts: its money is reserved at home until the others have agreed.",
    PAYMENT_CANCELLED: "A payment or a hold that was pending did not come about: what was reserved is free again.",
    PAYMENT_REFUSED: "A request to make or to change a payment broke a rule: nothing was done.",
    PAYMENT_HELD: "A hold was made: the money is reserved until it is captured, voided, or expires.",
    PAYMENT_CAPTURED: "All or part of a hold was captured: that money has moved.",
    PAYMENT_VOIDED: "What was still held was released on request.",
    PAYMENT_EXPIRED: "What was still held was released because its time had come.",
    PAYMENT_REFUND_PENDING: "A refund or a reversal travels between hosts: its money is reserved until the others have agreed.",
    PAYMENT_REFUND_REFUSED: "A refund or a reversal that was pending did not come about.",
    PAYMENT_REFUNDED: "All or part of a payment was moved back.",
    PAYMENT_REVERSED: "All or part of a payment was moved back to correct a mistake, for the reason given.",
    BALANCES_CHANGED: "What happened to a payment of another shard changed balances on this one.",
}
"""Type -> what has happened."""
