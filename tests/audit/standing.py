"""What events say about how accounts stand after them, against the books."""

from processor.core import events as e
from tests.audit.travels import must
from tests.model.reference_ledger import ReferenceLedger

_PLAIN = (e.Paid, e.PaidOut, e.PaidIn)
Standing = tuple[str, int, int, int]
"""(currency, posted, pending_out, pending_in)"""


def check_standing(model: ReferenceLedger, event: e.AnyEvent) -> None:
    """Compare what the event says with the books, in which it has just taken effect.

    `model.touched` are the accounts on which it did; they are forgotten here, so that the next event begins with none.
    """
    touched, model.touched = model.touched, set()
    if isinstance(event, _PLAIN):
        _check_pending(model, event, touched)
    elif isinstance(event, e.TOUCHING):
        if event.balances is None:
            must(False, f"it does not say how accounts stand after it: {event}")
            return
        said = {each.account: (each.currency, each.posted, each.pending_out, each.pending_in) for each in event.balances}
        must(len(said) == len(event.balances), f"an account stands in it twice: {event}")
        expected = {account: _standing(model, account) for account in touched}
        must(said == expected, f"the books say {expected} after {event}")
    else:
        must(not touched, f"{touched} changed by an event that does not say how they stand: {event}")


def _check_pending(model: ReferenceLedger, event: e.Paid | e.PaidOut | e.PaidIn, touched: set[str]) -> None:
    match event:
        case e.Paid():
            accounts = [event.from_account, event.to_account]
        case e.PaidOut():
            accounts = [event.from_account]
        case e.PaidIn():
            accounts = [event.to_account]
    must(touched == {*accounts}, f"the books say that {touched} changed: {event}")
    reserved = tuple(amount for account in accounts for amount in _standing(model, account)[2:])
    must(event.pending == (reserved if any(reserved) else ()), f"the books say that {reserved} is reserved: {event}")


def _standing(model: ReferenceLedger, account: str) -> Standing:
    known = model.accounts[account]
    return known.currency, known.posted, known.held_out, known.held_in
