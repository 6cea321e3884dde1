"""Batches as columns on their way to one or more hosts and back: every payment has its own outcome, whatever happens meanwhile."""

import asyncio

import pytest

from actors.errors import LedgerError, OutcomeUnknown, Overloaded, ShardUnavailable
from actors.lane import Lane
from actors.payment_outcomes import PaymentOutcomes
from processor.core import messages as m
from processor.core.ledger import Retention
from processor.core.results import Result
from processor.projections.interface import ArchiveUnavailable
from tests.cluster import account_on
from tests.unit.actors.joined_hosts import SHARDS, JoinedHosts, Trouble, batch, joined_hosts, leg
from tests.unit.actors.rounds import until

pytestmark = pytest.mark.anyio

EVERYWHERE = [(f"{source} to {target}", leg(source, target)) for source in range(SHARDS) for target in range(SHARDS)]


def told(payments: m.PayMany, outcomes: PaymentOutcomes) -> list[tuple[Result, bool] | type[LedgerError]]:
    """Return each payment's result and whether it is a repetition, or the kind of error, after checking where it was recorded."""
    found: list[tuple[Result, bool] | type[LedgerError]] = []
    for place in range(len(payments)):
        answer = outcomes.others.get(place)
        assert (answer is None) == (outcomes.record_of[place] >= 0)
        if answer is None:
            _, shard, sequence = outcomes.records[outcomes.record_of[place]]
            assert shard == payments.pay(place, SHARDS).shard
            assert (shard, sequence) in outcomes.positions
            found.append((Result.ACCEPTED, False))
        elif isinstance(answer, LedgerError):
            found.append(type(answer))
        else:
            assert isinstance(answer, m.PaymentAnswer)
            found.append((answer.result, answer.replayed))
    return found


def places(payments: m.PayMany, outcomes: PaymentOutcomes) -> list[tuple[int, int, int, int]]:
    """Return where each payment was first recorded: time, shard, sequence, index."""
    found = []
    for place in range(len(payments)):
        answer = outcomes.others.get(place)
        if isinstance(answer, m.PaymentAnswer):
            found.append((answer.at, payments.pay(place, SHARDS).shard, answer.sequence, answer.index))
        else:
            found.append((*outcomes.records[outcomes.record_of[place]], outcomes.indexes[place]))
    return found


async def pay(hosts: JoinedHosts, payments: m.PayMany) -> list[tuple[Result, bool] | type[LedgerError]]:
    """Make the payments and return what became of them."""
    return told(payments, await hosts.router.pay_many(payments, SHARDS))


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_batch_has_the_outcomes_of_its_payments_alone_over_any_number_of_hosts(count: int) -> None:
    mixed = batch(
        *EVERYWHERE, ("too much", leg(1, 2, 10**6, of=1)), ("0 to 1", leg(0, 1)), ("0 to 1", leg(0, 1, 6)),
        ("to nobody", m.Leg(account_on(2, SHARDS), "nobody", 1, "EUR")), ("itself", leg(3, 3, of=1)),
    )  # fmt: skip
    async with joined_hosts(count) as hosts:
        together = await hosts.router.pay_many(mixed, SHARDS)
        after = await hosts.posted()
        again = await hosts.router.pay_many(mixed, SHARDS)
        assert await hosts.posted() == after
    async with joined_hosts(count) as hosts:
        alone = [await hosts.router.ask(mixed.pay(place, SHARDS)) for place in range(len(mixed))]
        assert await hosts.posted() == after
    singles = [(answer.result, answer.replayed) for answer in alone if isinstance(answer, m.PaymentAnswer)]
    assert told(mixed, together) == singles
    remembered = [result is not Result.IDEMPOTENCY_KEY_REUSED for result, _ in singles]
    assert told(mixed, again) == [(result, kept) for (result, _), kept in zip(singles, remembered, strict=True)]
    assert places(mixed, again) == places(mixed, together)


async def test_payments_of_a_shard_that_moves_are_made_once_at_its_new_owner() -> None:
    payments = batch(*EVERYWHERE)
    async with joined_hosts(2) as hosts:
        await hosts.move(0, "a", "b")
        assert await pay(hosts, payments) == [(Result.ACCEPTED, False)] * len(payments)
        assert any(isinstance(message, m.Pay) for call in hosts.handles["b"].calls for message in call)
        assert (await hosts.posted())[account_on(1, SHARDS, 1)] == 5 * SHARDS


async def test_payments_of_a_shard_without_an_owner_are_told_as_not_done() -> None:
    payments = batch(("first", leg(0, 0)), ("second", leg(1, 1)), ("third", leg(2, 2)))
    async with joined_hosts(1, timeout_seconds=0.5) as hosts:
        await hosts.loops["a"].give_up(1)
        assert await pay(hosts, payments) == [(Result.ACCEPTED, False), ShardUnavailable, (Result.ACCEPTED, False)]


@pytest.mark.parametrize("trouble", ["call lost", "answer lost"])
async def test_payments_that_were_lost_under_way_are_asked_for_again_and_made_once(trouble: Trouble) -> None:
    payments = batch(*[(f"{number}", leg(number % SHARDS, number % SHARDS)) for number in range(10)])
    async with joined_hosts(2) as hosts:
        hosts.handles["a"].troubles.append(trouble)
        lost = [(Result.ACCEPTED, trouble == "answer lost"), (Result.ACCEPTED, False)]
        assert await pay(hosts, payments) == [lost[place % 2] for place in range(10)]
        assert sum((await hosts.posted()).values()) == 0
        assert (await hosts.posted())[account_on(0, SHARDS, 1)] == 5 * 3


async def test_when_a_host_stays_lost_only_its_payments_have_no_known_outcome() -> None:
    payments = batch(*[(f"{number}", leg(number % SHARDS, number % SHARDS)) for number in range(8)])
    async with joined_hosts(2, timeout_seconds=0.5) as hosts:
        hosts.handles["b"].troubles.extend(["call lost"] * 1000)
        assert await pay(hosts, payments) == [(Result.ACCEPTED, False), OutcomeUnknown] * 4


async def test_doubt_about_a_lost_batch_is_not_forgotten_when_its_shard_has_no_owner_afterwards() -> None:
    payments = batch(("lost", leg(0, 0)), ("asked again", leg(2, 2)), ("not lost", leg(1, 1)))
    async with joined_hosts(2, timeout_seconds=0.5) as hosts:
        await hosts.loops["a"].give_up(0)
        hosts.handles["a"].troubles.append("call lost")
        assert await pay(hosts, payments) == [OutcomeUnknown, (Result.ACCEPTED, False), (Result.ACCEPTED, False)]


async def test_doubt_about_a_payment_that_travels_is_not_forgotten_when_its_shard_has_no_owner_afterwards() -> None:
    payments = batch(("stays", leg(0, 2)), ("travels", leg(0, 1)))
    async with joined_hosts(2, timeout_seconds=0.5) as hosts:
        hosts.are_apart = True
        asked = asyncio.ensure_future(pay(hosts, payments))
        await until(lambda: hosts.loops["a"]._waiting)
        await hosts.loops["a"].give_up(0)
        assert await asked == [(Result.ACCEPTED, False), OutcomeUnknown]


async def test_a_replaced_owner_s_batch_is_made_by_the_new_one_alone() -> None:
    payments = batch(*[(f"{number}", leg(0, number % 2)) for number in range(6)])
    async with joined_hosts(2) as hosts:
        await hosts.claim("b", 0)
        assert await hosts.ask("a", payments) == [m.Unknown()]
        assert hosts.loops["a"].held == set()
        await hosts.claim("a", 2)
        assert await pay(hosts, payments) == [(Result.ACCEPTED, False)] * 6


async def test_a_batch_whose_append_fails_is_unknown_as_a_whole_and_the_loop_goes_on() -> None:
    """Among its payments is one that travels, and would be answered later."""
    payments = batch(("here", leg(0, 2)), ("travels", leg(0, 1)), ("too much", leg(2, 0, 10**6, of=1)))
    async with joined_hosts(2) as hosts:
        hosts.journal.is_down = True
        assert await hosts.ask("a", payments) == [m.Unknown()]
        assert hosts.loops["a"].held == set()
        hosts.journal.is_down = False
        await hosts.claim("a", 0, 2)
        refused = (Result.INSUFFICIENT_FUNDS, False)
        assert await pay(hosts, payments) == [(Result.ACCEPTED, False), (Result.ACCEPTED, False), refused]


async def test_a_host_counts_its_queue_in_payments() -> None:
    one, eight, three = (
        batch(("one", leg(0, 0))),
        *(batch(*[(f"{size} {number}", leg(0, 0)) for number in range(size)]) for size in (8, 3)),
    )
    async with joined_hosts(1, queue_limit_messages=10) as hosts:
        hosts.journal.gate.clear()
        first = asyncio.ensure_future(hosts.ask("a", one))
        await until(lambda: hosts.journal.waiting)
        second = asyncio.ensure_future(hosts.ask("a", eight))
        await until(lambda: hosts.loops["a"].queue_length == 8)
        assert [type(answer) for answer in await hosts.ask("a", three, m.ReadTotals(0))] == [m.Busy, m.Busy]
        assert await pay(hosts, three) == [Overloaded] * 3
        hosts.journal.gate.set()
        await asyncio.gather(first, second)
        assert (await hosts.posted())[account_on(0, SHARDS, 1)] == 5 * 9


async def test_a_router_counts_its_lanes_in_payments() -> None:
    eight, three = (batch(*[(f"{size} {number}", leg(0, 0)) for number in range(size)]) for size in (8, 3))
    async with joined_hosts(1, router_limit_messages=10) as hosts:
        hosts.journal.gate.clear()
        waiting = asyncio.ensure_future(pay(hosts, eight))
        await until(lambda: hosts.journal.waiting)
        assert await pay(hosts, three) == [Overloaded] * 3
        hosts.journal.gate.set()
        assert await waiting == [(Result.ACCEPTED, False)] * 8


async def test_in_one_call_everybody_gets_the_answers_to_what_they_asked() -> None:
    """Refusals stand behind all answers of the call: each has to find its way back to its own request."""
    accepted = [("fits", leg(0, 0)), ("fits too", leg(0, 1))]
    too_much, nobody = ("too much", leg(0, 2, 10**6, of=1)), ("nobody", m.Leg(account_on(2, SHARDS), "nobody", 1, "EUR"))
    asked: list[list[m.Request]] = [
        [m.ReadTotals(2)],
        [batch(accepted[0], too_much, accepted[1], ("itself", leg(1, 1, of=1)))],
        [batch(nobody).pay(0, SHARDS), m.ReadTotals(1)],
        [batch(("last", leg(3, 3)))],
        [batch(nobody), m.ReadTotals(3), batch(too_much, ("new", leg(3, 2)))],
        [m.ReadTotals(0)],
    ]
    async with joined_hosts(1) as hosts:
        handle = hosts.handles["a"]
        handle.calls.clear()
        lane = Lane(handle, 30.0)
        answers = await asyncio.gather(*(lane.put(messages) for messages in asked))
        assert [len(call) for call in handle.calls] == [sum(map(len, asked))]
        assert lane.waiting_messages == 0
    kinds = [[type(answer).__name__ for answer in got] for got in answers]
    totals, paid, single = "TotalsAnswer", "PaidMany", "PaymentAnswer"
    assert kinds == [
        [totals], [paid, single, single], [single, totals], [paid], [paid, totals, paid, single, single], [totals]
    ]  # fmt: skip
    results = [[answer.result for answer in got if isinstance(answer, m.PaymentAnswer)] for got in answers]
    refused = [Result.INSUFFICIENT_FUNDS, Result.SAME_ACCOUNT]
    missing = Result.ACCOUNT_NOT_FOUND
    assert results == [[], refused, [missing], [], [missing, Result.INSUFFICIENT_FUNDS], []]


async def test_a_key_that_memory_has_forgotten_is_a_repetition_in_a_batch_too() -> None:
    asked = [("old", leg(0, 0)), ("old and refused", leg(0, 1, 10**6, of=1))]
    old, payments = batch(*asked), batch(("new", leg(0, 0)), *asked)
    async with joined_hosts(1, retention=Retention(outcomes=4, filter_bytes=64)) as hosts:
        first = await hosts.router.pay_many(old, SHARDS)
        assert told(old, first) == [(Result.ACCEPTED, False), (Result.INSUFFICIENT_FUNDS, False)]
        await forget(hosts, 0)
        outcomes = await hosts.router.pay_many(payments, SHARDS)
        assert told(payments, outcomes)[1:] == [(Result.ACCEPTED, True), (Result.INSUFFICIENT_FUNDS, True)]
        assert places(payments, outcomes)[1:] == places(old, first)


async def test_while_the_archive_is_down_only_what_needs_it_is_to_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with joined_hosts(1, retention=Retention(outcomes=4, filter_bytes=1024)) as hosts:
        await pay(hosts, batch(("old", leg(0, 0))))
        await forget(hosts, 0)

        async def recall(asked: object) -> None:
            raise ArchiveUnavailable("it is down")

        monkeypatch.setattr(hosts.archive, "recall", recall)
        assert await pay(hosts, batch(("old", leg(0, 0)), ("new", leg(0, 0)))) == [Overloaded, (Result.ACCEPTED, False)]


async def forget(hosts: JoinedHosts, shard: int) -> None:
    """Make payments until what was there before has left the shard's memory."""
    state = hosts.loops["a"]._ledger.shards[shard]
    boundary, number = state.sequence, 0
    while state.forgotten < boundary:
        await hosts.router.ask(batch((f"filler {number}", leg(shard, shard, 1))).pay(0, SHARDS))
        await hosts.archive.advance()
        number += 1
