"""Safeguards of holds, refunds and memory taken away, one at a time. See planted_faults.py."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import getsource
from textwrap import dedent
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from actors.lane import Lane
from processor.core import ledger, many, payment_events
from processor.core.ledger import Ledger
from processor.core.many import _Place
from processor.core.operations import Operations
from processor.core.payment import Payment
from processor.core.peers import Part
from processor.core.shard import Shard
from processor.core.travel import Travel
from processor.projections.memory_archive import MemoryArchive
from tests.simulation.planted_faults import Fault


def edited(owner: Any, name: str, *changes: tuple[str, str]) -> Any:
    """Return the patch that replaces a function by itself with other text. What is to be replaced must be there."""
    function: Callable[..., Any] = getattr(owner, name)
    source = dedent(getsource(function))
    for before, after in changes:
        assert before in source, f"{name} has changed: {before}"
        source = source.replace(before, after)
    found: dict[str, Any] = {}
    exec(compile(source, f"<{name}, edited>", "exec"), function.__globals__, found)
    return patch.object(owner, name, found[name])


def _trusting(condition: bool, what: str) -> None:
    """Check nothing: the audit has to notice on its own."""


def _overwrite(self: Shard, home: int, number: int, part: Part) -> None:
    self.inbox(home).parts[number] = part


@contextmanager
def holds_never_expire() -> Iterator[None]:
    """Time passes, and nobody looks."""
    with patch.object(Operations, "expire", lambda self: None), patch.object(Operations, "next_due_at", lambda self: None):
        yield


@contextmanager
def expired_holds_are_captured() -> Iterator[None]:
    """Whether a hold's time has come is looked at by nobody."""
    asked = edited(Operations, "_still_held", ("payment.expires_at <= self._ledger.at", "False"))
    with asked, holds_never_expire():
        yield


def holds_expire_too_early() -> Any:
    """Holds end a second before their time."""
    return edited(Operations, "expire", ("due[0][0] <= ledger.at", "due[0][0] <= ledger.at + 1_000_000"))


@contextmanager
def captures_go_beyond_what_is_held() -> Iterator[None]:
    """The amount of a capture is not compared with what is held."""
    with edited(Operations, "capture", ("amount > held", "False")), patch.object(payment_events, "ensure", _trusting):
        yield


@contextmanager
def refunds_are_not_counted() -> Iterator[None]:
    """Everything that was captured may be refunded, as often as one likes."""
    left = ("minus(minus(payment.captured, payment.refunded), payment.refunding)", "payment.captured")
    with edited(Operations, "refund", left), patch.object(payment_events, "ensure", _trusting):
        yield


def refunds_under_way_are_not_counted() -> Any:
    """What is on its way back to another host may be refunded once more."""
    return edited(
        Operations, "refund", ("minus(minus(payment.captured, payment.refunded), payment.refunding)",
                               "minus(payment.captured, payment.refunded)"),
    )  # fmt: skip


@contextmanager
def decisions_are_carried_out_twice() -> Iterator[None]:
    """A participant does not look whether a repeated Settle has been carried out."""
    again = ("part = inbox.parts.get(message.number) if inbox is not None else None", "part = None")
    with edited(Travel, "_on_settle", again), patch.object(Shard, "_remember", _overwrite):
        with patch.object(payment_events, "ensure", _trusting):
            yield


def releases_are_forgotten_on_other_shards() -> Any:
    """What is held on another shard stays so."""
    return edited(Operations, "settle", ("if released:", "if False:"))


def decisions_are_told_once() -> Any:
    """Nobody asks whether a capture has arrived."""
    return edited(Travel, "_ask", ("if participant in watch.done:", "if transfer.is_settling:"))


def conditions_elsewhere_are_not_judged() -> Any:
    """Balances of other hosts' accounts are not looked at."""
    return patch("processor.core.travel.judge_conditions", lambda conditions, is_here, lookup: None)


def versions_are_not_compared() -> Any:
    """A payment is made whatever the account's version."""
    return patch.object(Ledger, "has_other_version", lambda self, shard, account, version: False)


def frozen_accounts_give_money_back() -> Any:
    """A refund is judged like an operator's reversal."""
    return edited(Operations, "refund", ("message.reason is not None)", "True)"))


def forgotten_keys_take_effect_again() -> Any:
    """What memory does not have was never asked."""
    return edited(Ledger, "outcome_of", ("raise _NotInMemory(Recall(shard.number, key=key))", "return None"))


def recalled_payments_were_never_refunded() -> Any:
    """The archive gives payments back as they were made."""
    recall = MemoryArchive._payment

    async def stale(self: MemoryArchive, shard: int, place: tuple[int, int, int], position: int) -> Payment | None:
        payment = await recall(self, shard, place, position)
        return replace(payment, refunded=(0,) * len(payment.legs)) if payment is not None else None

    return patch.object(MemoryArchive, "_payment", stale)


def memory_does_not_wait_for_the_archive() -> Any:
    """Shards forget what the archive does not have yet."""
    return edited(Ledger, "age", ("and archived.get(shard.number, 0) >= shard.boundary", ""))


def keys_that_travel_are_forgotten() -> Any:
    """The key of a payment under way grows old like any other."""
    return edited(payment_events, "apply_aged", ("if transfer.result is None and", "if False and"))


def held_payments_are_forgotten() -> Any:
    """A payment leaves memory although something of it is still held."""
    return edited(payment_events, "apply_aged", ("payment.is_open or ", ""))


def columns_do_not_look_at_old_keys() -> Any:
    """A batch takes a key of the older generation for a new one."""
    return edited(_Place, "is_new", ("key not in self.earlier and ", ""))


def columns_do_not_look_at_forgotten_keys() -> Any:
    """A batch takes a key that has left memory for a new one."""
    return edited(_Place, "is_new", ("(self.key_filter is None or not may_have(self.key_filter, key))", "True"))


def columns_do_not_book_what_flowed() -> Any:
    """What batches move between shards is missing in the sums of the shard that it came from."""
    return edited(many, "_settle", ("home.shard.send(other.number, currency, amount)", "pass"))


def refusals_of_one_batch_are_told_to_another() -> Any:
    """Where several batches share a call, each finds the first one's refusals."""
    return edited(Lane, "_call", ("behind += singles", "pass"))


def columns_do_not_say_what_is_reserved() -> Any:
    """Batches write that nothing is reserved on any account."""
    some = "if source.pending_out or source.pending_in or target.pending_out or target.pending_in"
    return edited(ledger, "pay_many", (some, "if False"))


def holds_do_not_say_how_accounts_stand() -> Any:
    """What is reserved or released does not count as touched: events tell of accounts with entries only, live and on replay."""
    return edited(Shard, "reserve", ("self.touched[hold.account] = account", "pass"))


PAYMENT_FAULTS: list[Fault] = [
    holds_never_expire,
    expired_holds_are_captured,
    holds_expire_too_early,
    captures_go_beyond_what_is_held,
    refunds_are_not_counted,
    refunds_under_way_are_not_counted,
    decisions_are_carried_out_twice,
    releases_are_forgotten_on_other_shards,
    decisions_are_told_once,
    conditions_elsewhere_are_not_judged,
    versions_are_not_compared,
    frozen_accounts_give_money_back,
    forgotten_keys_take_effect_again,
    recalled_payments_were_never_refunded,
    memory_does_not_wait_for_the_archive,
    keys_that_travel_are_forgotten,
    held_payments_are_forgotten,
    columns_do_not_look_at_old_keys,
    columns_do_not_look_at_forgotten_keys,
    columns_do_not_book_what_flowed,
    refusals_of_one_batch_are_told_to_another,
    columns_do_not_say_what_is_reserved,
    holds_do_not_say_how_accounts_stand,
]
