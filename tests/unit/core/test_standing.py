"""Events say how the accounts that they touch stand after them; whoever replays believes it only if it is so."""

from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace

from processor.core import events as e
from processor.core.ensure import Broken
from processor.core.messages import Leg
from processor.core.shard import Shard
from tests.cluster import Cluster, account_on, place_of
from tests.unit.core.test_snapshot import eventful

PLAIN = (e.Paid, e.PaidOut, e.PaidIn)
NEW_FIELD = {kind.__struct_config__.tag for kind in (*PLAIN, *e.TOUCHING)}
NOBODY = e.Balances("nobody", "EUR", 0, 0, 0)

A, B, C = account_on(0, 2, 0), account_on(0, 2, 1), account_on(1, 2, 0)


def cluster_with_accounts(hosts: int) -> Cluster:
    """Return a cluster with A and B on one shard and C on another."""
    cluster = Cluster(2, hosts)
    for account in (A, B, C):
        cluster.open(account, min_balance=None)
    return cluster


def events_after(cluster: Cluster, lengths: list[int]) -> list[e.AnyEvent]:
    """Return the events of the records beyond these lengths of the shards' journals, shard by shard."""
    streams = zip(cluster.journal, lengths, strict=True)
    return [event for stream, length in streams for record in stream[length:] for event in e.decode_events(record.payload)]


def eur(account: str, posted: int, pending_out: int = 0, pending_in: int = 0) -> e.Balances:
    return e.Balances(account, "EUR", posted, pending_out, pending_in)


def test_plain_payments_say_what_is_reserved_on_their_accounts_or_nothing() -> None:
    cluster = cluster_with_accounts(hosts=1)
    cluster.pay("nothing is reserved", Leg(A, B, 5, "EUR"))
    cluster.pay("nor here", Leg(A, C, 5, "EUR"))
    cluster.hold("hold", Leg(A, B, 30, "EUR"))
    cluster.hold("the other way", Leg(B, A, 7, "EUR"))
    lengths = [len(stream) for stream in cluster.journal]
    cluster.pay("one shard", Leg(A, B, 5, "EUR"))
    cluster.pay("two shards", Leg(A, C, 5, "EUR"))
    cluster.pay("and back", Leg(C, B, 5, "EUR"))
    said = [(type(event), event.pending) for event in events_after(cluster, lengths) if isinstance(event, PLAIN)]
    assert said == [
        (e.Paid, (30, 7, 7, 30)), (e.PaidOut, (30, 7)), (e.PaidIn, (7, 30)),
        (e.PaidIn, ()), (e.PaidOut, ()),
    ]  # fmt: skip
    before = [event for event in events_after(cluster, [0, 0]) if isinstance(event, PLAIN)]
    assert [event.pending for event in before[:2]] == [(), ()]


def test_a_hold_and_what_becomes_of_it_say_how_each_account_stands_once_in_the_order_of_touch() -> None:
    cluster = cluster_with_accounts(hosts=1)
    lengths = [len(stream) for stream in cluster.journal]
    place = place_of(0, cluster.hold("hold", Leg(A, B, 30, "EUR"), Leg(A, C, 8, "EUR")))
    cluster.capture("some", place, (10, 0), final=False)
    cluster.void("the rest", place)
    cluster.refund("back", place, (4, 0))
    said = [(type(event), event.balances) for event in events_after(cluster, lengths) if isinstance(event, e.TOUCHING)]
    assert said == [
        (e.Held, (eur(A, 0, 38), eur(B, 0, 0, 30))),
        (e.Captured, (eur(A, -10, 28), eur(B, 10, 0, 20))),
        (e.Released, (eur(A, -10), eur(B, 10))),
        (e.Refunded, (eur(B, 6), eur(A, -6))),
        (e.HeldIn, (eur(C, 0, 0, 8),)),
        (e.Settled, (eur(C, 0),)),
    ]  # fmt: skip


def test_decisions_say_how_accounts_stand_that_they_name_by_a_transfer_only() -> None:
    cluster = cluster_with_accounts(hosts=2)
    lengths = [len(stream) for stream in cluster.journal]
    cluster.pay("voted", Leg(A, C, 3, "EUR"), Leg(C, B, 2, "EUR"))
    cluster.pay("refused", Leg(A, account_on(1, 2, 9), 1, "EUR"), Leg(A, C, 1, "EUR"))
    cluster.hold("stays held", Leg(A, C, 5, "EUR"))
    said = [(type(event), event.balances) for event in events_after(cluster, lengths) if isinstance(event, e.TOUCHING)]
    assert said == [
        (e.Reserved, (eur(A, 0, 3), eur(B, 0, 0, 2))),
        (e.Decided, (eur(A, -3), eur(B, 2))),
        (e.Reserved, (eur(A, -3, 2),)),
        (e.Decided, (eur(A, -3),)),
        (e.Reserved, (eur(A, -3, 5),)),
        (e.Decided, ()),
        (e.PartReserved, (eur(C, 0, 0, 3),)),
        (e.PartDecided, (eur(C, 1),)),
        (e.PartReserved, (eur(C, 1, 0, 5),)),
        (e.PartDecided, ()),
    ]  # fmt: skip


def test_a_journal_from_before_balances_were_recorded_gives_the_same_state() -> None:
    cluster, shortened = eventful(), 0
    for number, stream in enumerate(cluster.journal):
        state = Shard(number, cluster.shards)
        for record in stream:
            arrays = msgspec.msgpack.decode(record.payload)
            old = [array[:-1] if array[0] in NEW_FIELD else array for array in arrays]
            shortened += old != arrays
            state.replay(record.sequence, record.at, e.decode_events(msgspec.msgpack.encode(old)))
        assert state.encode() == cluster.rebuilt(number).encode()
    assert shortened


def lies_of(event: e.AnyEvent) -> Iterator[e.AnyEvent]:
    """Yield the event with other balances after it."""
    if isinstance(event, PLAIN):
        assert event.pending is not None
        size = 4 if isinstance(event, e.Paid) else 2
        true = event.pending or (0,) * size
        for place in range(size):
            yield replace(event, pending=(*true[:place], true[place] + 1, *true[place + 1 :]))
        yield replace(event, pending=() if event.pending else (0,) * size)
    elif isinstance(event, e.TOUCHING):
        assert event.balances is not None
        yield replace(event, balances=(*event.balances, NOBODY))
        if event.balances:
            last = event.balances[-1]
            yield replace(event, balances=event.balances[:-1])
            for name in ("posted", "pending_out", "pending_in"):
                yield replace(event, balances=(*event.balances[:-1], replace(last, **{name: getattr(last, name) + 1})))
        if len(event.balances) > 1:
            yield replace(event, balances=event.balances[::-1])


@pytest.mark.parametrize("number", range(3))
def test_a_record_that_says_other_balances_than_the_state_stops_the_replay(number: int) -> None:
    cluster = eventful()
    state, seen = Shard(number, cluster.shards), set()
    for record in cluster.journal[number]:
        events, before = e.decode_events(record.payload), state.encode()
        for index, event in enumerate(events):
            for lie in lies_of(event):
                seen.add(type(event))
                with pytest.raises(Broken, match=f"record {record.sequence} on shard {number}"):
                    Shard.decode(before).replay(record.sequence, record.at, [*events[:index], lie, *events[index + 1 :]])
        state.replay(record.sequence, record.at, events)
    assert len(seen) > 4
