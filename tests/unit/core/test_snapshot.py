"""A snapshot holds everything: what is decoded goes on exactly as what was encoded."""

import pytest

from processor.core import messages as m
from processor.core.ensure import Broken
from processor.core.events import PaidIn, decode_events, encode_events
from processor.core.ledger import Ledger, Retention
from processor.core.messages import Leg
from processor.core.recall import Recall
from processor.core.shard import Shard
from tests.cluster import START, Cluster, account_on, place_of


def eventful() -> Cluster:
    """Return a cluster that has seen every kind of event, with transfers open in all stages, and has forgotten some of it."""
    cluster = Cluster(3, 2, Retention(outcomes=3, microseconds=10**15, filter_bytes=64))
    bank, shop, far = account_on(0, 3, 0), account_on(2, 3, 0), account_on(1, 3, 0)
    for account in (bank, shop, far):
        cluster.open(account, min_balance=None)
    cluster.ask(m.OpenAccount(0, account_on(0, 3, 1), "EUR", 0, 10**18, {"colour": "blue"}))
    cluster.set_status(account_on(0, 3, 1), "frozen")
    cluster.set_status(account_on(0, 3, 1), "open")
    cluster.pay("same shard", Leg(bank, account_on(0, 3, 1), 5, "EUR"))
    cluster.pay("refused", Leg(bank, account_on(0, 3, 9), 5, "EUR"))
    cluster.pay("same host", Leg(bank, shop, 5, "EUR"))
    cluster.pay("legs of one host", Leg(bank, shop, 5, "EUR"), Leg(shop, bank, 4, "EUR"))
    cluster.pay("two hosts", Leg(bank, far, 5, "EUR"))
    cluster.pay("legs of two hosts", Leg(bank, far, 5, "EUR"), Leg(far, shop, 4, "EUR"))
    cluster.pay("refused elsewhere", Leg(bank, account_on(1, 3, 9), 5, "EUR"), Leg(bank, shop, 4, "EUR"))
    add_operations(cluster, bank, shop, far)
    cluster.turn(0, [cluster.payment("asked", [Leg(bank, far, 1, "EUR"), Leg(bank, shop, 1, "EUR")])])
    cluster.turn(1, [cluster.payment("voted", [Leg(far, bank, 1, "EUR"), Leg(far, shop, 1, "EUR")])])
    cluster.deliver(len(cluster.in_flight) - 1)
    return cluster


def add_operations(cluster: Cluster, bank: str, shop: str, far: str) -> None:
    """Hold, capture, release and refund money on one host and between hosts, and leave something held and on its way."""
    for name, target in (("near", shop), ("far", far)):
        leg = Leg(bank, target, 50, "EUR")
        paid = place_of(0, cluster.pay(f"to be refunded {name}", leg))
        captured, voided = (place_of(0, cluster.hold(f"hold {name} {what}", leg)) for what in ("1", "2"))
        cluster.capture("part", captured, (10,), final=False)
        cluster.void("void", voided)
        for number in range(8):
            cluster.pay(f"later {name} {number}", Leg(bank, target, 1, "EUR"))
        cluster.refund("refund", paid, (20,))
    cluster.turn(0, [cluster.holding("on its way", [Leg(bank, far, 5, "EUR")])])
    cluster.turn(0, [cluster.capturing("on its way", captured, (10,), final=False)])


KINDS = {
    "AccountOpened", "StatusChanged", "Paid", "Refused", "PaidOut", "PaidIn", "PaidLegs", "PaidLegsIn", "Reserved", "Decided",
    "Forgotten", "PartReserved", "PartRefused", "PartDecided", "Received", "Cleared", "Held", "HeldIn", "Captured", "Released",
    "Settled", "Refunded", "RefundReserved", "Recalled", "Aged",
}  # fmt: skip


def test_the_cluster_of_these_tests_has_seen_every_kind_of_event() -> None:
    cluster = eventful()
    seen = {type(event).__name__ for stream in cluster.journal for record in stream for event in decode_events(record.payload)}
    assert seen == KINDS
    assert {transfer.kind for shard in cluster.all_shards() for transfer in shard.transfers.values()} >= {
        m.Kind.PAYMENT, m.Kind.HOLD, m.Kind.CAPTURE,
    }  # fmt: skip
    assert all(getattr(cluster.all_shards()[0], name) for name in ("payments", "earlier", "forgotten", "boundary", "key_filter"))
    assert any(shard.held_for for shard in cluster.all_shards())
    assert any(part.holds for shard in cluster.all_shards() for inbox in shard.inboxes.values() for part in inbox.parts.values())


@pytest.mark.parametrize("shard", range(3))
def test_a_snapshot_decodes_to_the_same_bytes(shard: int) -> None:
    state = eventful().all_shards()[shard]
    assert Shard.decode(state.encode()).encode() == state.encode()
    assert Shard.decode(state.encode()).digest() == state.digest()


@pytest.mark.parametrize("shard", range(3))
def test_a_snapshot_at_any_record_and_the_rest_give_the_bytes_of_a_full_replay(shard: int) -> None:
    cluster = eventful()
    full = cluster.rebuilt(shard).encode()
    assert full == cluster.all_shards()[shard].encode()
    for sequence in range(len(cluster.journal[shard])):
        start = Shard.decode(cluster.rebuilt(shard, until=sequence).encode())
        assert cluster.rebuilt(shard, start=start).encode() == full


def test_a_snapshot_remembers_every_key_or_that_it_may_be_forgotten() -> None:
    cluster = eventful()
    leg = Leg(account_on(0, 3, 0), account_on(2, 3, 0), 5, "EUR")
    cluster.turn(0, [cluster.payment("the newest", [leg])])
    ledger = Ledger(3)
    for state in cluster.all_shards():
        ledger.add(Shard.decode(state.encode()))
    ledger.begin(START)
    answer = ledger.handle(cluster.payment("the newest", [leg]))
    assert isinstance(answer, m.PaymentAnswer)
    assert answer.replayed
    assert isinstance(ledger.handle(cluster.payment("same host", [leg])), Recall)
    assert ledger.seal().records == []


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_snapshot_that_is_cut_off_is_refused(cut: int) -> None:
    state = eventful().all_shards()[0].encode()
    with pytest.raises(Broken, match="snapshot"):
        Shard.decode(state[:cut])


def test_a_snapshot_inside_a_record_is_refused() -> None:
    cluster = Cluster(1)
    ledger = cluster.ledgers[0]
    ledger.begin(cluster.now)
    ledger.handle(m.OpenAccount(0, "alice", "EUR"))
    with pytest.raises(Broken, match="between records"):
        ledger.shards[0].encode()


def test_a_record_that_does_not_follow_is_refused() -> None:
    cluster = eventful()
    first, second = cluster.journal[0][:2]
    state = Shard(0, 3)
    with pytest.raises(Broken, match="record 2 follows 0"):
        state.replay(second.sequence, second.at, decode_events(second.payload))
    state.replay(first.sequence, first.at, decode_events(first.payload))
    with pytest.raises(Broken, match="record 1 follows 1"):
        state.replay(first.sequence, first.at, decode_events(first.payload))
    with pytest.raises(Broken, match="time never goes back"):
        state.replay(second.sequence, first.at - 1, decode_events(second.payload))


def test_an_event_that_does_not_fit_the_balances_stops_the_replay() -> None:
    cluster = eventful()
    paid = next(record for record in cluster.journal[2] if isinstance(decode_events(record.payload)[0], PaidIn))
    state = cluster.rebuilt(2, until=paid.sequence - 1)
    state.accounts[account_on(2, 3, 0)].posted += 1
    with pytest.raises(Broken):
        state.replay(paid.sequence, paid.at, decode_events(paid.payload))


def test_every_event_reads_back_as_it_was_written() -> None:
    for stream in eventful().journal:
        for record in stream:
            assert encode_events(decode_events(record.payload)) == record.payload
