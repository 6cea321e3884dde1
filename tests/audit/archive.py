"""An archive for tests: what the audited journal says, as far as the archive is said to have read it."""

from processor.core.recall import AnyFact, OutcomeFact, PaymentFact, Recall
from processor.core.shard import pack_outcome
from tests.audit.journal_audit import JournalAudit
from tests.audit.payment_book import recallable
from tests.model.payments import Place


class AuditArchive:
    """`positions`: shard -> record up to which it is complete; moved on by `catch_up` alone."""

    def __init__(self, audit: JournalAudit) -> None:
        self._audit = audit
        self.positions = dict.fromkeys(range(audit.shards), 0)
        audit.archived = self.positions

    def catch_up(self, shard: int) -> None:
        """Read what the shard's journal has by now."""
        self.positions[shard] = self._audit.states[shard].sequence

    def fact(self, recall: Recall) -> AnyFact:
        """Answer one question."""
        if recall.key is not None:
            return self.outcome(recall.shard, recall.key)
        assert recall.place is not None
        return self.payment((recall.shard, *recall.place))

    def outcome(self, shard: int, key: bytes) -> OutcomeFact:
        """Return what a key came to."""
        position = self.positions[shard]
        outcome = self._audit.outcomes.get((shard, key))
        if outcome is None or outcome.decided_sequence > position:
            return OutcomeFact(shard, key, None, position)
        result, where = outcome.verdict
        packed = pack_outcome(
            outcome.fingerprint, outcome.at, outcome.sequence, outcome.decided_sequence, outcome.index, int(result), where
        )
        return OutcomeFact(shard, key, packed, position)

    def payment(self, place: Place) -> PaymentFact:
        """Return how a payment stood."""
        shard, *spot = place
        position = self.positions[shard]
        history = self._audit.book.history.get(place, [])
        known = [seen for seen in history if seen.sequence <= position] or history[:1]
        return PaymentFact(shard, (spot[0], spot[1], spot[2]), recallable(known[-1]) if known else None, position)
