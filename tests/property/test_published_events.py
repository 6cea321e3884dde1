"""What several hosts publish while messages are lost and hosts crash: it tells every balance and every payment as they are."""

from random import Random

import pytest

from processor.core import messages as m
from processor.core.ids import payment_id
from processor.core.ledger import Retention
from processor.core.messages import Leg
from processor.creation import Created
from processor.eventlog.catalogue import TYPES
from processor.eventlog.cloud_event import encode_event
from processor.eventlog.event import AboutPayment, AboutRefusal, PublishedEvent
from processor.eventlog.payments import payment_data
from processor.eventlog.translator import Translator
from processor.journal.record import Record
from tests.cluster import Cluster
from tests.unit.eventlog.stories import last_balances, last_payments

SHARDS = 3
ACCOUNTS = [f"account-{number}" for number in range(9)]
STEPS = 250
SEEDS = 12

pytestmark = pytest.mark.anyio


class ClusterJournal:
    """The part of a journal that the translator asks."""

    def __init__(self, cluster: Cluster) -> None:
        self.records = [
            [Record(sealed.shard, 1, sealed.sequence, sealed.at, b"", sealed.payload) for sealed in stream]
            for stream in cluster.journal
        ]

    async def record(self, shard: int, sequence: int) -> Record | None:
        return self.records[shard][sequence - 1]


async def all_events(journal: ClusterJournal) -> list[PublishedEvent]:
    """Return what each shard publishes, one after the other; a translator for each record, so that none knows more than it must."""
    return [
        event
        for stream in journal.records
        for record in stream
        for event in await Translator(journal).translate([record])  # type: ignore[arg-type]
    ]


def live(random: Random) -> Cluster:
    """Return a cluster that has lived through payments of all kinds on a wire that loses and repeats, with crashes and moves."""
    cluster = Cluster(SHARDS, 2, Retention(outcomes=10, microseconds=10**15, filter_bytes=32))
    for account in ACCOUNTS:
        cluster.open(account, min_balance=random.choice([None, None, None, -30]))
    for step in range(STEPS):
        take_step(cluster, random, str(step))
    cluster.settle()
    if random.random() < 0.5:
        cluster.let_holds_expire(10**10)
    cluster.check()
    return cluster


def take_step(cluster: Cluster, random: Random, key: str) -> None:
    """Ask for something, or let something happen."""
    places = list(cluster.audit.model.payments)
    what = random.choices(
        ["pay", "hold", "capture", "void", "refund", "status", "deliver", "lose", "crash", "move", "tick"],
        [20, 14, 14, 6, 18, 4, 40, 3, 2, 2, 12],
    )[0]
    if what == "pay":
        cluster.send(cluster.payment(key, some_legs(random), as_legs=random.random() < 0.3))
    elif what == "hold":
        cluster.send(cluster.holding(key, some_legs(random), random.choice([300_000, 3_600_000_000, 3_600_000_000])))
    elif what in ("capture", "void", "refund") and places:
        change(cluster, random, key, what, random.choice(places[-12:]))
    elif what == "status":
        status = random.choice(["open", "open", "open", "frozen"])
        cluster.set_status(random.choice(ACCOUNTS), status)  # type: ignore[arg-type]
    elif what in ("deliver", "lose") and cluster.in_flight:
        position = random.randrange(len(cluster.in_flight))
        if what == "lose":
            del cluster.in_flight[position]
        else:
            cluster.deliver(position, keep_copy=random.random() < 0.1)
    elif what == "crash":
        cluster.crash(random.randrange(2))
    elif what == "move":
        cluster.move(random.randrange(SHARDS), random.randrange(2))
    elif what == "tick":
        cluster.tick(random.randrange(2), random.choice([120_000, 600_000, 6_000_000]))


def change(cluster: Cluster, random: Random, key: str, what: str, place: tuple[int, int, int, int]) -> None:
    """Ask for a capture, a void, a refund or a reversal of a payment, of all or a part."""
    payment = cluster.audit.model.payments[place]
    if what == "void":
        cluster.send(cluster.voiding(key, place))
        return
    most = payment.amounts("held" if what == "capture" else "captured")
    amounts = random.choice([None, tuple(random.randint(0, amount + 1) for amount in most)])
    if what == "capture":
        cluster.send(cluster.capturing(key, place, amounts, random.random() < 0.5))
    else:
        cluster.send(cluster.refunding(key, place, amounts, random.choice([None, None, "a mistake"])))


def some_legs(random: Random) -> list[Leg]:
    pairs = [random.sample(ACCOUNTS, 2) for _ in range(random.choice([1, 1, 1, 2, 3]))]
    return [Leg(source, target, random.randint(1, 20), "EUR") for source, target in pairs]


async def test_what_is_published_tells_how_everything_stands() -> None:
    met: set[str] = set()
    for seed in range(SEEDS):
        cluster = live(Random(seed))
        events = await all_events(ClusterJournal(cluster))
        check_balances(cluster, events)
        check_payments(cluster, events)
        check_refusals(events)
        met |= {event.type for event in events}
        assert all(encode_event(event) for event in events)
    assert met == TYPES.keys() - {"account.closed"}


def check_balances(cluster: Cluster, events: list[PublishedEvent]) -> None:
    """The last event about an account tells its balances; each line follows from the one before."""
    told = last_balances(events)
    for shard in cluster.all_shards():
        for account in shard.accounts.values():
            last = told[account.id]
            assert (last.currency, last.posted, last.pending_in, last.pending_out) == (
                account.currency, account.posted, account.pending_in, account.pending_out,
            )  # fmt: skip
            assert last.available == account.posted - account.pending_out
    posted = dict.fromkeys(told, 0)
    for event in events:
        for line in getattr(event.data, "entries", ()):
            assert line.account in event.accounts
            posted[line.account] += line.amount if line.direction == "credit" else -line.amount
            assert posted[line.account] == line.posted_after
    assert posted == {account: balances.posted for account, balances in told.items()}


def check_payments(cluster: Cluster, events: list[PublishedEvent]) -> None:
    """A payment is told as its home had it right after the record; those that came about, to their end."""
    history = cluster.audit.book.history
    views = {
        payment_id(at, shard, sequence, index): (shard, [seen.view for seen in seen_views])
        for (shard, at, sequence, index), seen_views in history.items()
    }
    for event in events:
        if isinstance(event.data, AboutPayment) and event.data.payment.status not in ("pending", "refused"):
            home, seen = views[event.data.payment.id]
            assert event.data.payment in [_told(home, view) for view in seen]
    last = last_payments(events)
    for identity, (home, seen) in views.items():
        assert last[identity] == _told(home, seen[-1])


def check_refusals(events: list[PublishedEvent]) -> None:
    """Whoever was refused finds the refusal under the id that the answer gave."""
    refusals = {event.data.request_id: event.data for event in events if isinstance(event.data, AboutRefusal)}
    for refusal in refusals.values():
        assert refusal.operation is not None
        assert refusal.payment_id is not None
        is_change = refusal.operation not in ("payment", "hold")
        assert is_change == (refusal.payment_id in last_payments(events))


def _told(home: int, view: m.PaymentView) -> object:
    created = Created(view.legs, view.reference, view.metadata, view.expires_at)
    place = (view.at, home, view.sequence, view.index)
    return payment_data(created, place, view.status, view.held, view.captured, view.refunded)
