"""What a turn of the ledger gives back: records to append, messages to send, answers that come later."""

import msgspec

from processor.core.messages import OperationAnswer, PaymentAnswer
from processor.core.peers import AnyPeerMessage


class Pending(msgspec.Struct, frozen=True, gc=False):
    """Instead of an answer: the payment travels as this transfer and will be among a later turn's `completed`."""

    home: int
    number: int


class AfterSeal(msgspec.Struct, frozen=True, gc=False):
    """Instead of an answer: it belongs to a sealed record, so the same message is to be handled again after `seal`."""


class Completed(msgspec.Struct, frozen=True, gc=False):
    """A travelling payment has come to an end."""

    home: int
    number: int
    answer: PaymentAnswer | OperationAnswer


class SealedRecord(msgspec.Struct, frozen=True, gc=False):
    """One shard's part of a turn, to be framed and appended."""

    shard: int
    sequence: int
    at: int
    payload: bytes


class Turn(msgspec.Struct, frozen=True, gc=False):
    """What a turn leaves to be done: first append `records`, then release `completed` and send `outbox`.

    `consulted`: shards without a record on whose state an answer rests, so that the host must still own them.
    """

    records: list[SealedRecord]
    consulted: list[int]
    outbox: list[AnyPeerMessage]
    completed: list[Completed]
