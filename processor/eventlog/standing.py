"""Which lines an event makes on accounts, and how these stand after it."""

from collections.abc import Iterable, Sequence

from processor.core import events as e
from processor.core.messages import Leg
from processor.eventlog.event import BalancesData, EntryData

Standing = tuple[tuple[EntryData, ...], tuple[BalancesData, ...], tuple[str, ...]]
"""The lines, the balances, and the accounts of these."""


def standing(
    balances: Sequence[e.Balances] | None,
    entries: Sequence[e.Entry] = (),
    holds: Iterable[e.Hold] = (),
    legs: Iterable[Leg] = (),
) -> Standing:
    """Return what an event tells of accounts. Without `balances`, which early versions did not record, `entries` say what is posted
    and `holds` which accounts are touched besides; `legs` know their currencies."""
    lines = tuple(
        [
            EntryData(entry.account, "debit", -entry.amount, entry.currency, entry.posted)
            if entry.amount < 0
            else EntryData(entry.account, "credit", entry.amount, entry.currency, entry.posted)
            for entry in entries
        ]
    )
    if balances is None:
        stands = _without_balances(entries, holds, legs)
    else:
        stands = tuple(
            [
                BalancesData(
                    each.account, each.currency, each.posted, each.pending_in, each.pending_out, each.posted - each.pending_out
                )
                for each in balances
            ]
        )
    return lines, stands, tuple([each.account for each in stands])


def one(account: str, currency: str, posted: int, pending_out: int | None, pending_in: int | None) -> BalancesData:
    """Return how one account stands. None: not known."""
    available = None if pending_out is None else posted - pending_out
    return BalancesData(account, currency, posted, pending_in, pending_out, available)


def _without_balances(entries: Iterable[e.Entry], holds: Iterable[e.Hold], legs: Iterable[Leg]) -> tuple[BalancesData, ...]:
    currencies = {leg.from_account: leg.currency for leg in legs} | {leg.to_account: leg.currency for leg in legs}
    stands = {
        hold.account: BalancesData(hold.account, currencies[hold.account], None, None, None, None)
        for hold in holds
        if hold.account in currencies
    }
    for entry in entries:
        stands[entry.account] = one(entry.account, entry.currency, entry.posted, None, None)
    return tuple(stands.values())
