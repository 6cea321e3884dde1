"""A short history of two shards that holds every kind of event, as hosts would have written it: also how accounts stand after it."""

from hashlib import blake2b

from msgspec.structs import replace

from processor.core import events as e
from processor.core.ids import Place
from processor.core.messages import Kind, Leg, PaymentStatus
from processor.core.payment import immediate
from processor.core.results import Result
from processor.core.shard import Shard
from processor.journal.interface import Head, Journal, ShardMap
from processor.journal.record import Record
from tests.contract.writing import AT, head_of, take

SHARDS = 4
"""The contract ledgers' number; the story needs the first two."""
FINGERPRINT = b"f" * 16
EXPIRES_AT = AT + 10**9


def key(name: str) -> bytes:
    """Return the idempotency key of this name."""
    return blake2b(name.encode(), digest_size=16).digest()


def hold(account: str, outgoing: int = 0, incoming: int = 0) -> e.Hold:
    return e.Hold(account, outgoing, incoming)


class Story:
    """Writes records to a journal, one shard's after the other. `posted` are the balances that its entries have come to."""

    def __init__(self, journal: Journal, shard_map: ShardMap) -> None:
        self.journal = journal
        self.shard_map = shard_map
        self.posted: dict[str, int] = {}
        self.places: dict[str, Place] = {}
        self.records: dict[int, list[Record]] = {0: [], 1: []}
        self._heads: dict[int, Head] = {}
        self._states = {shard: Shard(shard, SHARDS) for shard in (0, 1)}
        self._at = AT

    async def open(self) -> None:
        """Take both shards and open accounts: a, b, e and f on shard 0, c and d on shard 1."""
        for shard in (0, 1):
            self._heads[shard] = await take(self.journal, self.shard_map, shard)
            fence = await self.journal.record(shard, 1)
            assert fence is not None
            self.records[shard].append(fence)
            self._states[shard].replay(1, fence.at, e.decode_events(fence.payload))
        metadata = {"team": "blue"}
        opened = [e.AccountOpened(name, "EUR", None, None, metadata if name == "a" else None) for name in "ab"]
        await self.add(0, *opened, *(e.AccountOpened(name, "USD", -100, 100, None) for name in "ef"))
        await self.add(1, *(e.AccountOpened(name, "EUR", None, None, None) for name in "cd"))

    async def add(self, shard: int, *events: e.AnyEvent, name: str = "", later: bool = True) -> None:
        """Append one record, whose events also say how accounts stand after them; `name` notes the place of its first event.

        Not `later`: at the time of the record before.
        """
        state = self._states[shard]
        state.at = self._at + 1000 * later
        told = [_with_pending(event, state) for event in events]
        for event in told:
            state.enact(event)
        state.seal()
        await self.write(shard, *told, name=name, later=later)

    async def write(self, shard: int, *events: e.AnyEvent, name: str = "", later: bool = True) -> None:
        """Append one record as it is, even if it does not follow from those before."""
        self._at += 1000 * later
        head = self._heads[shard]
        sequence = head.sequence + 1
        record = Record(shard, head.epoch, sequence, self._at, head.hash, e.encode_events(events))
        await self.journal.append([record])
        self._heads[shard] = head_of(record)
        self.records[shard].append(record)
        if name:
            self.places[name] = Place(self._at, shard, sequence, 0)

    def entry(self, account: str, amount: int, leg: int = 0, currency: str = "EUR") -> e.Entry:
        """Return an entry with the balance after it."""
        self.posted[account] = self.posted.get(account, 0) + amount
        return e.Entry(account, leg, amount, currency, self.posted[account], 0)

    def of(self, name: str) -> tuple[int, int, int]:
        """Return the place of a payment as events name it."""
        place = self.places[name]
        return place.at, place.sequence, place.index

    def replayed(self, shard: int) -> Shard:
        """Return the shard as the core makes it of the same records."""
        state = Shard(shard, SHARDS)
        for record in self.records[shard]:
            state.replay(record.sequence, record.at, e.decode_events(record.payload))
        return state


def _with_pending(event: e.AnyEvent, state: Shard) -> e.AnyEvent:
    """Return a plain payment with what is reserved on its accounts."""
    names: tuple[str, ...]
    match event:
        case e.Paid():
            names = (event.from_account, event.to_account)
        case e.PaidOut():
            names = (event.from_account,)
        case e.PaidIn():
            names = (event.to_account,)
        case _:
            return event
    accounts = [state.accounts[name] for name in names]
    reserved = tuple(amount for account in accounts for amount in (account.pending_out, account.pending_in))
    return replace(event, pending=reserved if any(reserved) else ())


async def tell_everything(story: Story) -> None:
    """Write the whole story, and leave a hold, a transfer between hosts and its part open."""
    await story.open()
    await tell_chapters(story)


async def tell_chapters(story: Story) -> None:
    """Write all of the story but its beginning, `open`."""
    await tell_payments(story)
    await tell_holds(story)
    await tell_travels(story)
    await tell_held_travels(story)
    await tell_failed_travels(story)
    await tell_old_payments(story)


async def tell_payments(story: Story) -> None:
    """Payments at once: on one shard, over two, of several legs and currencies, and a refusal."""
    debit, credit = story.entry("a", -10), story.entry("b", 10)
    paid = e.Paid(key("paid"), FINGERPRINT, "a", "b", 10, "EUR", debit.posted, 0, credit.posted, 0, "order 1", {"color": "red"})
    await story.add(0, paid, e.Refused(key("refused"), FINGERPRINT, Result.INSUFFICIENT_FUNDS, 0), name="paid")
    out = story.entry("a", -20)
    paid_out = e.PaidOut(key("paid out"), FINGERPRINT, "a", "c", 20, "EUR", 1, out.posted, 0, None, None)
    await story.add(0, paid_out, name="paid out")
    place = story.places["paid out"]
    into = story.entry("c", 20)
    await story.add(1, e.PaidIn(0, place.sequence, place.index, "a", "c", 20, "EUR", into.posted, 0), later=False)
    legs: tuple[Leg, ...] = (Leg("a", "b", 5, "EUR"), Leg("b", "c", 3, "EUR"))
    entries: tuple[e.Entry, ...] = (story.entry("a", -5), story.entry("b", 5), story.entry("b", -3, 1))
    paid_legs = e.PaidLegs(key("legs"), FINGERPRINT, legs, entries, ((1, "EUR", 3),), None, None)
    await story.add(0, paid_legs, name="legs")
    place = story.places["legs"]
    legs_in = e.PaidLegsIn(0, place.sequence, place.index, (story.entry("c", 3, 1),), ((0, "EUR", -3),))
    await story.add(1, legs_in, later=False)
    legs = (Leg("a", "b", 1, "EUR"), Leg("e", "f", 2, "USD"))
    entries = (story.entry("a", -1), story.entry("b", 1), story.entry("e", -2, 1, "USD"), story.entry("f", 2, 1, "USD"))
    await story.add(0, e.PaidLegs(key("exchange"), FINGERPRINT, legs, entries, (), None, None), name="exchange")


async def tell_holds(story: Story) -> None:
    """Holds on one host: captured in parts and refunded, voided over two shards, expired."""
    legs, both = (Leg("a", "b", 30, "EUR"),), (hold("a", 30), hold("b", 0, 30))
    await story.add(0, e.Held(key("hold"), FINGERPRINT, legs, both, EXPIRES_AT, "order 2", None), name="hold")
    await _capture(story, "capture 1", 10, 10, (10,), (20,), "held")
    await _capture(story, "capture 2", 15, 20, (25,), (0,), "succeeded")
    await _refund(story, "hold", "refund 1", Kind.REFUND, 5, 25, 5, "partially_refunded")
    await _refund(story, "hold", "refund 2", Kind.REVERSAL, 20, 25, 25, "refunded")
    legs = (Leg("a", "c", 7, "EUR"),)
    await story.add(0, e.Held(key("void me"), FINGERPRINT, legs, (hold("a", 7),), EXPIRES_AT, None, None), name="voided")
    place, of = story.places["voided"], story.of("voided")
    await story.add(1, e.HeldIn(0, place.sequence, place.index, (hold("c", 0, 7),)), later=False)
    released = e.Released(*of, key("void"), FINGERPRINT, Kind.VOID, (7,), (0,), (0,), "voided", (hold("a", 7),), 0, ())
    await story.add(0, released)
    await story.add(1, e.Settled(0, 0, *of, Kind.VOID, (hold("c", 0, 7),), (), ()), later=False)
    legs, both = (Leg("a", "b", 4, "EUR"),), (hold("a", 4), hold("b", 0, 4))
    await story.add(0, e.Held(key("expire me"), FINGERPRINT, legs, both, EXPIRES_AT, None, None), name="expired")
    expired = e.Released(*story.of("expired"), None, None, Kind.EXPIRY, (4,), (0,), (0,), "expired", both, 0, ())
    await story.add(0, expired)


async def _capture(
    story: Story, name: str, amount: int, released: int, captured: tuple[int], held: tuple[int], status: PaymentStatus
) -> None:
    holds = (hold("a", released), hold("b", 0, released))
    entries = (story.entry("a", -amount), story.entry("b", amount))
    await story.add(0, e.Captured(
        *story.of("hold"), key(name), FINGERPRINT, (amount,), (released,), held, captured, (0,), status, holds, entries, (), 0, ()
    ))  # fmt: skip


async def _refund(
    story: Story, payment: str, name: str, kind: Kind, amount: int, captured: int, total: int, status: PaymentStatus
) -> None:
    entries = (story.entry("b", -amount), story.entry("a", amount))
    reason = "a mistake" if kind is Kind.REVERSAL else None
    await story.add(0, e.Refunded(
        *story.of(payment), key(name), FINGERPRINT, kind, (amount,), (0,), (captured,), (total,), status, reason, entries, ()
    ))  # fmt: skip


async def tell_travels(story: Story) -> None:
    """Payments between hosts that come about: on the short road, and with a vote."""
    legs: tuple[Leg, ...] = (Leg("a", "c", 6, "EUR"),)
    reserved = e.Reserved(1, key("short"), FINGERPRINT, legs, (hold("a", 6),), (1,), "order 3", None)
    await story.add(0, reserved, name="short")
    await story.add(1, e.Received(0, 1, *story.of("short"), "a", story.entry("c", 6)))
    await story.add(0, e.Decided(1, *story.of("short"), 0, 0, (story.entry("a", -6),), ((1, "EUR", 6),)))
    legs = (Leg("a", "c", 2, "EUR"), Leg("b", "d", 3, "EUR"))
    await story.add(0, e.Reserved(2, key("long"), FINGERPRINT, legs, (hold("a", 2), hold("b", 3)), (1,), None, None), name="long")
    of = story.of("long")
    await story.add(1, e.PartReserved(0, 2, *of, legs, (hold("c", 0, 2), hold("d", 0, 3))))
    entries = (story.entry("a", -2), story.entry("b", -3, 1))
    await story.add(0, e.Decided(2, *of, 0, 0, entries, ((1, "EUR", 2), (1, "EUR", 3))))
    entries = (story.entry("c", 2), story.entry("d", 3, 1))
    await story.add(1, e.PartDecided(0, 2, *of, True, entries, ((0, "EUR", -2), (0, "EUR", -3))))
    await story.add(0, e.Forgotten(2))
    await story.add(1, e.Cleared(0, 3))


async def tell_held_travels(story: Story) -> None:
    """A hold between hosts, which is captured and partly refunded."""
    legs = (Leg("a", "c", 8, "EUR"),)
    reserved = e.Reserved(3, key("far hold"), FINGERPRINT, legs, (hold("a", 8),), (1,), None, None, EXPIRES_AT)
    await story.add(0, reserved, name="far hold")
    of = story.of("far hold")
    await story.add(1, e.PartReserved(0, 3, *of, legs, (hold("c", 0, 8),), Kind.HOLD))
    await story.add(0, e.Decided(3, *of, 0, 0, (), ()))
    await story.add(1, e.PartDecided(0, 3, *of, True, (), (), Kind.HOLD))
    await story.add(0, e.Forgotten(3))
    await story.add(0, e.Captured(
        *of, key("far capture"), FINGERPRINT, (8,), (8,), (0,), (8,), (0,), "succeeded", (hold("a", 8),), (story.entry("a", -8),),
        ((1, "EUR", 8),), 4, (1,),
    ))  # fmt: skip
    await story.add(1, e.Settled(0, 4, *of, Kind.CAPTURE, (hold("c", 0, 8),), (story.entry("c", 8),), ((0, "EUR", -8),)))
    await story.add(0, e.Forgotten(4))
    await story.add(0, e.RefundReserved(
        *of, 5, key("far refund"), FINGERPRINT, Kind.REFUND, (3,), None, (Leg("c", "a", 3, "EUR"),), (hold("a", 0, 3),), (1,), False
    ), name="far refund")  # fmt: skip
    await story.add(1, e.Received(0, 5, *of, "c", story.entry("c", -3), Kind.REFUND))
    await story.add(0, e.Decided(
        5, *story.of("far refund"), 0, 0, (story.entry("a", 3),), ((1, "EUR", -3),), Kind.REFUND, of, (0,), (8,), (3,),
        "partially_refunded",
    ))  # fmt: skip


async def tell_failed_travels(story: Story) -> None:
    """Payments between hosts that do not come about: without an answer, refused, given up after the other side has reserved."""
    legs = (Leg("a", "c", 1, "EUR"), Leg("a", "d", 1, "EUR"))
    await _reserve(story, 6, "no answer", legs)
    await story.add(0, e.Decided(6, *story.of("no answer"), Result.SHARD_UNAVAILABLE, 0, (), ()))
    await story.add(1, e.PartDecided(0, 6, 0, 0, 0, False, (), ()))
    await _reserve(story, 7, "refused far", legs)
    await story.add(1, e.PartRefused(0, 7, Result.ACCOUNT_FROZEN, 1))
    await story.add(0, e.Decided(7, *story.of("refused far"), Result.ACCOUNT_FROZEN, 1, (), ()))
    await _reserve(story, 8, "given up", legs)
    of = story.of("given up")
    await story.add(1, e.PartReserved(0, 8, *of, legs, (hold("c", 0, 1), hold("d", 0, 1))))
    await story.add(0, e.Decided(8, *of, Result.SHARD_UNAVAILABLE, 0, (), ()))
    await story.add(1, e.PartDecided(0, 8, *of, False, (), ()))


async def _reserve(story: Story, number: int, name: str, legs: tuple[Leg, ...], expires_at: int | None = None) -> None:
    reserved = e.Reserved(number, key(name), FINGERPRINT, legs, (hold("a", 2),), (1,), None, None, expires_at)
    await story.add(0, reserved, name=name)


async def tell_old_payments(story: Story) -> None:
    """Memory ages, an old payment is recalled and refunded, an account is frozen; a hold and a transfer stay open."""
    await story.add(0, e.Aged(1024))
    legs: tuple[Leg, ...] = (Leg("a", "b", 10, "EUR"),)
    old = immediate(*story.of("paid"), legs, "order 1", {"color": "red"})
    await story.add(0, e.Recalled(old), e.StatusChanged("f", "frozen"))
    await _refund(story, "paid", "late refund", Kind.REFUND, 4, 10, 4, "partially_refunded")
    legs, both = (Leg("a", "b", 9, "EUR"),), (hold("a", 9), hold("b", 0, 9))
    await story.add(0, e.Held(key("open hold"), FINGERPRINT, legs, both, EXPIRES_AT, None, None), name="open hold")
    legs = (Leg("a", "c", 1, "EUR"), Leg("a", "d", 1, "EUR"))
    await _reserve(story, 9, "under way", legs, EXPIRES_AT)
    of = story.of("under way")
    await story.add(1, e.PartReserved(0, 9, *of, legs, (hold("c", 0, 1), hold("d", 0, 1)), Kind.HOLD))
