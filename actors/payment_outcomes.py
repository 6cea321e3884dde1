"""What became of many payments that were sent as columns, put together from what their hosts said."""

from collections.abc import Sequence

from actors.errors import LedgerError
from processor.core import messages as m


class PaymentOutcomes:
    """As PaidMany, over all hosts.

    Payment i was first recorded in `records[record_of[i]]`, a (time, shard, sequence), as its event `indexes[i]`.
    Where `record_of` is -1, `others` has the payment's own answer.
    """

    def __init__(self, count: int) -> None:
        self.records: list[tuple[int, int, int]] = []
        self.record_of = [-1] * count
        self.indexes = [0] * count
        self.positions: list[tuple[int, int]] = []
        self.others: dict[int, m.AnyAnswer | LedgerError] = {}

    def take(self, asked: Sequence[int], paid: m.PaidMany, singles: Sequence[m.Reply]) -> None:
        """Note what one host said about the payments at these places."""
        first = len(self.records)
        self.records += paid.records
        self.positions += paid.positions
        if len(asked) == len(self.record_of):
            self.record_of, self.indexes = paid.record_of, paid.indexes
        else:
            for place, record, index in zip(asked, paid.record_of, paid.indexes, strict=True):
                self.record_of[place] = record + first if record >= 0 else -1
                self.indexes[place] = index
        if singles:
            alone = (place for place, record in zip(asked, paid.record_of, strict=True) if record < 0)
            for place, answer in zip(alone, singles, strict=True):
                if not isinstance(answer, m.PaidMany):
                    self.others[place] = answer

    def fail(self, asked: Sequence[int], error: LedgerError) -> None:
        """Note that nothing was done about the payments at these places."""
        self.others.update(dict.fromkeys(asked, error))
