"""What a shard must have in memory, worked out from its journal alone: two generations of keys, and the payments still of use."""

from dataclasses import dataclass, field

from processor.core.shard import Shard
from tests.audit.travels import must
from tests.model.payments import Payment, Place


@dataclass
class Memory:
    """One shard's. `forgotten` and `boundary` are the records at which the two generations end and begin."""

    young: set[bytes] = field(default_factory=set)
    old: set[bytes] = field(default_factory=set)
    forgotten: int = 0
    boundary: int = 0
    payments: dict[Place, int] = field(default_factory=dict)
    """The payments in memory, each with the newest record about it."""
    gone: set[bytes] = field(default_factory=set)
    """The keys that memory has forgotten."""

    def learn(self, key: bytes) -> None:
        """A key has been used, or what it came to is known now."""
        self.old.discard(key)
        self.young.add(key)

    def drop(self, key: bytes) -> None:
        """A key may be used again."""
        self.old.discard(key)
        self.young.discard(key)

    def age(self, sequence: int, travelling: set[bytes], payments: dict[Place, Payment]) -> None:
        """Forget what is old, as of this record; keys of what travels stay, and so do payments that are held or travel."""
        stay = self.old & travelling
        self.gone |= self.old - stay
        self.old, self.young = self.young, stay
        self.forgotten, self.boundary = self.boundary, sequence
        self.payments = {
            place: changed for place, changed in self.payments.items() if payments[place].is_open or changed > self.forgotten
        }

    def compare(self, shard: Shard) -> None:
        """The shard has exactly this in memory."""
        must(shard.outcomes.keys() == self.young, f"shard {shard.number} remembers other keys than those since {self.boundary}")
        must(shard.earlier.keys() == self.old, f"shard {shard.number} remembers other old keys than those since {self.forgotten}")
        found = {(shard.number, payment.at, payment.sequence, payment.index) for payment in shard.payments.values()}
        must(found == self.payments.keys(), f"shard {shard.number} has payments {found} in memory, not {self.payments}")
