"""What becomes of an instruction."""

import msgspec


class Paid(msgspec.Struct, frozen=True):
    """The payment is made. `replayed`: it was made before, by an earlier delivery of the message or by its sender."""

    replayed: bool


class Refused(msgspec.Struct, frozen=True):
    """The ledger has refused the payment, and remembers that under its key. `code` and `reason` are those of the HTTP contract."""

    code: str
    reason: str
    payment_id: str | None


class Malformed(msgspec.Struct, frozen=True):
    """The message is not an instruction, and never will be."""

    code: str
    reason: str


class Later(msgspec.Struct, frozen=True):
    """Nobody knows yet: the message stays in the queue."""

    reason: str


Verdict = Paid | Refused | Malformed | Later
