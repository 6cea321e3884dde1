"""The life of an account: opened once, frozen and unfrozen, closed when empty."""

import pytest

from processor.core import messages as m
from processor.core.messages import Leg
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.core.turn import AfterSeal
from tests.cluster import Cluster, account_on


def test_an_account_opens_once_and_the_same_terms_again_are_no_conflict() -> None:
    cluster = Cluster(1)
    first = cluster.open("alice", max_balance=100)
    again = cluster.open("alice", max_balance=100)
    assert (first.result, first.created, again.result, again.created) == (Result.ACCEPTED, True, Result.ACCEPTED, False)
    assert first.account == again.account


@pytest.mark.parametrize(
    "other",
    [
        m.OpenAccount(0, "alice", "USD", 0, 100, {"a": "b"}),
        m.OpenAccount(0, "alice", "EUR", 1, 100, {"a": "b"}),
        m.OpenAccount(0, "alice", "EUR", None, 100, {"a": "b"}),
        m.OpenAccount(0, "alice", "EUR", 0, None, {"a": "b"}),
        m.OpenAccount(0, "alice", "EUR", 0, 100, {"a": "c"}),
        m.OpenAccount(0, "alice", "EUR", 0, 100, None),
    ],
    ids=["currency", "min_balance", "no min_balance", "max_balance", "metadata", "no metadata"],
)
def test_other_terms_for_an_open_account_are_a_conflict(other: m.OpenAccount) -> None:
    cluster = Cluster(1)
    cluster.ask(m.OpenAccount(0, "alice", "EUR", 0, 100, {"a": "b"}))
    answer = cluster.ask(other)
    assert isinstance(answer, m.AccountAnswer)
    assert (answer.result, answer.created) == (Result.ACCOUNT_EXISTS, False)
    assert answer.account is not None
    assert (answer.account.metadata, answer.account.version) == ({"a": "b"}, 1)


@pytest.mark.parametrize("status", ["open", "frozen", "closed"])
def test_an_unknown_account_has_no_status_to_change(status: m.Status) -> None:
    answer = Cluster(1).set_status("nobody", status)
    assert (answer.result, answer.account) == (Result.ACCOUNT_NOT_FOUND, None)


@pytest.mark.parametrize("status", ["open", "frozen"])
def test_a_closed_account_stays_closed(status: m.Status) -> None:
    cluster = Cluster(1)
    cluster.open("alice")
    assert cluster.set_status("alice", "closed").result is Result.ACCEPTED
    assert cluster.set_status("alice", status).result is Result.ACCOUNT_CLOSED
    assert cluster.set_status("alice", "closed").result is Result.ACCEPTED
    assert cluster.read("alice").status == "closed"


def test_an_account_with_money_cannot_be_closed() -> None:
    cluster = Cluster(1)
    cluster.open("bank", min_balance=None)
    cluster.open("alice")
    cluster.pay("key", Leg("bank", "alice", 5, "EUR"))
    assert cluster.set_status("alice", "closed").result is Result.ACCOUNT_NOT_EMPTY
    assert cluster.set_status("bank", "closed").result is Result.ACCOUNT_NOT_EMPTY
    cluster.pay("back", Leg("alice", "bank", 5, "EUR"))
    assert cluster.set_status("alice", "closed").result is Result.ACCEPTED


def test_an_account_with_reserved_money_cannot_be_closed() -> None:
    cluster = Cluster(2, 2)
    bank, here = account_on(0, 2, 0), account_on(0, 2, 1)
    there = account_on(1, 2, 0)
    for account in (bank, here, there):
        cluster.open(account, min_balance=None)
    cluster.turn(0, [cluster.payment("key", [Leg(here, there, 5, "EUR"), Leg(bank, there, 5, "EUR")])])
    (answer,) = cluster.turn(0, [m.SetStatus(shard_of(here, 2), here, "closed")])
    assert getattr(answer, "result", None) is Result.ACCOUNT_NOT_EMPTY
    cluster.deliver()
    (answer,) = cluster.turn(1, [m.SetStatus(1, there, "closed")])
    assert getattr(answer, "result", None) is Result.ACCOUNT_NOT_EMPTY


def test_freezing_does_not_stop_a_payment_that_has_reserved_its_money() -> None:
    cluster = Cluster(2, 2)
    bank, there = account_on(0, 2, 0), account_on(1, 2, 0)
    cluster.open(bank, min_balance=None)
    cluster.open(there)
    cluster.turn(0, [cluster.payment("key", [Leg(bank, there, 5, "EUR")])])
    cluster.turn(0, [m.SetStatus(0, bank, "frozen")])
    cluster.settle()
    assert (cluster.read(bank).posted, cluster.read(there).posted) == (-5, 5)


def test_the_version_counts_every_change_and_reads_change_nothing() -> None:
    cluster = Cluster(1)
    cluster.open("bank", min_balance=None)
    cluster.open("alice")
    cluster.pay("key", Leg("bank", "alice", 5, "EUR"))
    cluster.set_status("alice", "frozen")
    sequence = len(cluster.journal[0])
    view = cluster.read("alice")
    assert (view.version, view.status, view.posted, view.last_sequence) == (3, "frozen", 5, 3)
    assert len(cluster.journal[0]) == sequence


def test_totals_count_accounts_and_money_in_transit() -> None:
    cluster = Cluster(2, 2)
    bank, there = account_on(0, 2, 0), account_on(1, 2, 0)
    cluster.open(bank, min_balance=None)
    cluster.open(there)
    cluster.pay("key", Leg(bank, there, 5, "EUR"))
    answers = [cluster.ask(m.ReadTotals(shard)) for shard in range(2)]
    sums = [answer.currencies for answer in answers if isinstance(answer, m.TotalsAnswer)]
    assert sums == [{"EUR": ("-5", "5", 1)}, {"EUR": ("5", "-5", 1)}]


def test_a_message_for_a_shard_that_is_elsewhere_is_not_handled() -> None:
    cluster = Cluster(2, 2)
    (answer,) = cluster.turn(0, [m.ReadTotals(1)])
    assert answer == m.NotOwner(1)


def test_a_read_between_records_waits_for_the_end_of_the_one_that_is_being_made() -> None:
    cluster = Cluster(1)
    source, target = account_on(0, 1), account_on(0, 1, 1)
    cluster.open(source, min_balance=None)
    cluster.open(target)
    ledger = cluster.ledgers[0]
    read = m.ReadAccount(0, target, between_records=True)
    before, _, during, _ = cluster.turn(
        0,
        [
            read,
            cluster.payment("1", [Leg(source, target, 5, "EUR")]),
            read,
            cluster.payment("2", [Leg(source, target, 6, "EUR")]),
        ],
    )
    assert isinstance(before, m.AccountAnswer)
    assert before.account is not None
    assert (before.account.posted, before.sequence) == (0, 2)
    assert isinstance(during, AfterSeal)
    answer = ledger.handle(read)
    assert isinstance(answer, m.AccountAnswer)
    assert answer.account is not None
    assert (answer.account.posted, answer.sequence) == (11, 3)
