"""Comparing the demo's own books with what the ledger says."""

import asyncio
from collections.abc import Sequence
from time import monotonic

from processor.client.accounts import Account, read_accounts
from processor.client.address import Address
from processor.demo.books import Books
from processor.demo.plan import Payment
from processor.demo.statement import Entry, Total

_SETTLE_SECONDS = 30.0
_POLL_SECONDS = 0.1


async def settled_accounts(address: Address, ids: Sequence[str]) -> list[Account]:
    """Return the accounts once no money is reserved on them, or as they are after 30 s."""
    give_up_at = monotonic() + _SETTLE_SECONDS
    while True:
        accounts = await read_accounts(address.url, ids)
        pending = [account for account in accounts if int(account.pending_in) or int(account.pending_out)]
        if not pending or monotonic() > give_up_at:
            return accounts
        await asyncio.sleep(_POLL_SECONDS)


def missing_answers(books: Books, payments: Sequence[Payment]) -> list[str]:
    """Return a line for each payment that has no answer."""
    return [f"{payment.key} has no answer" for payment in payments if books.fate(payment) is None]


def wrong_balances(books: Books, accounts: Sequence[Account]) -> list[str]:
    """Return a line for each account whose balance is not the sum of its accepted payments, or that has money reserved."""
    lines = []
    for account in accounts:
        expected = books.balances[account.id]
        if int(account.posted) != expected:
            lines.append(f"{account.id} has {account.posted} where the accepted payments add up to {expected}")
        if int(account.pending_in) or int(account.pending_out):
            lines.append(f"{account.id} still has {account.pending_in} pending in and {account.pending_out} pending out")
    return lines


def wrong_entries(books: Books, account: Account, entries: Sequence[Entry]) -> list[str]:
    """Return what does not fit in a statement (newest entry first): its length, its running balance, its end."""
    lines = []
    if len(entries) != books.entries[account.id]:
        lines.append(f"{account.id} has {len(entries)} entries where {books.entries[account.id]} are due")
    balance = 0
    for entry in reversed(entries):
        balance += entry.change
        if int(entry.posted_after) != balance:
            lines.append(f"{account.id}: after {entry.payment_id} the statement says {entry.posted_after}, the sum is {balance}")
            break
    if balance != int(account.posted):
        lines.append(f"{account.id}: the statement adds up to {balance}, the balance is {account.posted}")
    return lines


def wrong_totals(totals: dict[str, Total]) -> list[str]:
    """Return a line for each currency in which money was made or lost."""
    return [
        f"{currency}: {total.posted} posted and {total.in_transit} in transit do not sum to zero"
        for currency, total in totals.items()
        if int(total.posted) + int(total.in_transit)
    ]
